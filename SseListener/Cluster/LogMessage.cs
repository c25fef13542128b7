using NATS.Client.Core;
using SseListener.Events;
using SseListener.Journal;

namespace SseListener.Cluster;

/// <summary>A message of the stream: publishes of one hub, whose frames are encoded as in a journal.</summary>
/// <param name="Sequence">The stream's sequence.</param>
/// <param name="Time">When the servers stored it, in Unix milliseconds.</param>
/// <param name="Hub">The hub that sent it.</param>
/// <param name="Number">Which of that hub's messages it is.</param>
/// <param name="Seen">Up to which sequence that hub had applied the log when it judged the publishes.</param>
/// <param name="Publishes">Each is stored as a whole or not at all.</param>
internal sealed record LogMessage(
    long Sequence, long Time, string Hub, long Number, long Seen, IReadOnlyList<StoredPublish> Publishes)
{
    private const string LogHeader = "Sse-Log";
    private const string HubHeader = "Sse-Hub";
    private const string NumberHeader = "Sse-Number";
    private const string SeenHeader = "Sse-Seen";

    /// <summary>What a hub sends with its message of this number, for a log of which it has seen so much.</summary>
    public static NatsHeaders HeadersOf(string log, string hub, long number, long seen) => new()
    {
        [LogHeader] = log,
        [HubHeader] = hub,
        [NumberHeader] = number.ToString(CultureInfo.InvariantCulture),
        [SeenHeader] = seen.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Whether a hub has sent a message for another log, under the same name.</summary>
    public static bool IsOfOther(string log, NatsHeaders? headers) =>
        headers?[LogHeader].ToString() is { Length: > 0 } other && other != log;

    /// <summary>Reads a message; one that no hub has written is one without publishes.</summary>
    public static LogMessage Read(Copy copy) =>
        TryReadNumber(copy.Headers, NumberHeader, out var number) && TryReadNumber(copy.Headers, SeenHeader, out var seen)
                && TryReadPublishes(copy.Body, out var publishes)
            ? new LogMessage(copy.Sequence, copy.Time, OriginOf(copy.Headers).Hub, number, seen, publishes)
            : new LogMessage(copy.Sequence, copy.Time, "", 0, copy.Sequence - 1, []);

    /// <summary>Which hub's message it is, and which of them.</summary>
    public static (string Hub, string Number) OriginOf(NatsHeaders? headers) =>
        (headers?[HubHeader].ToString() ?? "", headers?[NumberHeader].ToString() ?? "");

    /// <summary>Encodes the frames of a publish.</summary>
    public static void Write(IBufferWriter<byte> output, FrameBatch batch, Proposed publish)
    {
        for (var index = 0; index < publish.Count; index++)
        {
            var frame = batch.Frames[publish.First + index];
            JournalLine.Write(output, index, frame.Channels.Names, batch.Time, frame.Following, batch.BytesOf(frame));
        }
    }

    private static bool TryReadNumber(NatsHeaders? headers, string name, out long number) =>
        long.TryParse(headers?[name].ToString(), CultureInfo.InvariantCulture, out number);

    private static bool TryReadPublishes(ReadOnlyMemory<byte> body, [NotNullWhen(true)] out IReadOnlyList<StoredPublish>? publishes)
    {
        var (read, frames, count) = (new List<StoredPublish>(), new List<StoredFrame>(), 0);
        publishes = null;
        for (var offset = 0; offset < body.Length; count++)
        {
            if (!JournalLine.TryRead(body.Span, offset, out var line, out var frame, out var isDropped) || isDropped)
                return false;

            frames.Add(new StoredFrame(line.Channels, Encoding.UTF8.GetString(SseFrame.IdOf(body.Span[frame])), body[frame]));
            if (line.Following == 0)
            {
                read.Add(new StoredPublish(frames));
                frames = [];
            }

            offset = frame.End.Value;
        }

        publishes = read;
        return frames.Count == 0 && count <= LogPlace.MostFrames;
    }
}

/// <summary>A publish as a message holds it.</summary>
internal sealed record StoredPublish(IReadOnlyList<StoredFrame> Frames);

/// <summary>A frame as a message holds it, with its channels (<see cref="ChannelSet.NamesOf"/>) and its id.</summary>
internal readonly record struct StoredFrame(string Channels, string Id, ReadOnlyMemory<byte> Bytes)
{
    public ChannelChange Change => SseFrame.ChangeOf(SseFrame.IdOf(Bytes.Span));
}
