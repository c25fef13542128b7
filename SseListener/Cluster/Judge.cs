using System.Security.Cryptography;
using SseListener.Events;

namespace SseListener.Cluster;

/// <summary>
/// Decides which publishes of a shared log count. Two hubs may store the same id at the same moment: then the first in the log counts. The
/// hub that stored a publish has compared it with all that it had applied, up to the message's <see cref="LogMessage.Seen"/>. So each hub
/// compares it with what lies between that and the message, and with nothing else. All of that is in the log. A hub that began later may
/// not be able to decide (<see cref="Verdict.Unknown"/>), but it never decides otherwise. The end of a channel counts as one event,
/// whichever hub ends it, behind which no other counts. For the reader of the log only.
/// </summary>
/// <param name="first">The sequence of the first message that there is to read.</param>
/// <param name="mostFrames">How many frames old a hub's view may be. What was stored with an older one counts nowhere.</param>
internal sealed class Judge(long first, int mostFrames)
{
    private readonly Dictionary<string, Known> _byId = new(StringComparer.Ordinal);
    private readonly Queue<(long Sequence, string[] Ids)> _window = []; // The last messages that have so many frames together.
    private int _frames;

    private bool IsFull => _frames >= mostFrames;

    /// <summary>Judges the next message of the log: a verdict for each of its publishes.</summary>
    public List<Verdict> Apply(LogMessage message)
    {
        var isStale = IsFull && message.Seen + 1 < _window.Peek().Sequence;
        var mayBeStale = !IsFull && message.Seen + 1 < first;
        var verdicts = message.Publishes
            .Select(publish => isStale ? new Verdict.Stale() : Apply(publish, message, mayBeStale))
            .ToList();
        Remember(message);
        return verdicts;
    }

    /// <summary>Says that messages up to this sequence are lost: which ids they have is not known here.</summary>
    public void Lose(long sequence)
    {
        first = sequence + 1;
        _window.Clear();
        _byId.Clear();
        _frames = 0;
    }

    private Verdict Apply(StoredPublish publish, LogMessage message, bool mayBeStale)
    {
        var isUnknown = mayBeStale;
        var contents = publish.Frames.Select(ContentOf).ToList();
        var (added, indexes) = (new Dictionary<string, int>(StringComparer.Ordinal), new List<int>());
        for (var index = 0; index < contents.Count; index++)
        {
            var id = KeyOf(publish.Frames[index]);
            var isKnown = _byId.TryGetValue(id, out var known) && known.Sequence > message.Seen;
            var isConflict = (isKnown && known.IsCertain && known.Content != contents[index])
                || (added.TryGetValue(id, out var other) && contents[other] != contents[index]);
            if (isConflict && !mayBeStale)
                return new Verdict.Conflict(id);

            isUnknown |= isKnown && !known.IsCertain;
            if ((!isKnown || !known.IsCertain) && added.TryAdd(id, index))
                indexes.Add(index);
        }

        foreach (var channel in indexes.SelectMany(index => ChannelSet.Split(publish.Frames[index].Channels)).Distinct())
        {
            // Only what is repeated may come behind the end, or that the channel is forgotten.
            var forgets = publish.Frames[0].Change is ChannelChange.Forget;
            if (!_byId.TryGetValue(EndOf(channel), out var end) || (end.Sequence <= message.Seen && !forgets))
                continue;

            if (!forgets && end.IsCertain && !isUnknown)
                return new Verdict.Ended(channel);

            isUnknown |= !forgets && !end.IsCertain;
            if (forgets && isUnknown)
                _byId[EndOf(channel)] = end with { IsCertain = false };
            else if (forgets)
                _byId.Remove(EndOf(channel));
        }

        // Certain that it counts, or that nobody here can tell, for later messages with the same ids.
        foreach (var (id, index) in added)
            _byId[id] = new Known(message.Sequence, contents[index], !isUnknown);

        return isUnknown ? new Verdict.Unknown() : new Verdict.Counts(indexes);
    }

    private void Remember(LogMessage message)
    {
        string[] ids = [.. message.Publishes.SelectMany(publish => publish.Frames.Select(KeyOf))];
        _window.Enqueue((message.Sequence, ids));
        _frames += ids.Length;
        while (_frames - _window.Peek().Ids.Length >= mostFrames)
        {
            var oldest = _window.Dequeue();
            _frames -= oldest.Ids.Length;
            foreach (var id in oldest.Ids.Where(id => _byId.TryGetValue(id, out var known) && known.Sequence == oldest.Sequence))
                _byId.Remove(id);
        }
    }

    private static string KeyOf(StoredFrame frame) => frame.Change is ChannelChange.End ? EndOf(frame.Channels) : frame.Id;

    // No id of a publisher begins so.
    private static string EndOf(string channel) => $"@end {channel}";

    // The end is one, though hubs give it different ids.
    private static Content ContentOf(StoredFrame frame) => new(frame.Channels, frame.Change is ChannelChange.End ? default : Hash(frame));

    // Of few bytes, for frames may be long and many.
    private static UInt128 Hash(StoredFrame frame)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(frame.Bytes.Span, hash);
        return BitConverter.ToUInt128(hash);
    }

    // The last frame with an id that was judged: of which message, and whether it is certain that it counts.
    private readonly record struct Known(long Sequence, Content Content, bool IsCertain);

    private readonly record struct Content(string Channels, UInt128 Hash);
}

/// <summary>What becomes of a publish when the log is applied.</summary>
internal abstract record Verdict
{
    /// <summary>It counts, and these of its frames are new; the others only repeat earlier ones.</summary>
    internal sealed record Counts(IReadOnlyList<int> Frames) : Verdict;

    /// <summary>Another event has this id. Nothing of it counts.</summary>
    internal sealed record Conflict(string Id) : Verdict;

    /// <summary>Its channel has ended. Nothing of it counts.</summary>
    internal sealed record Ended(string Channel) : Verdict;

    /// <summary>It was judged so long ago that its hub has to judge it again. Nothing of it counts.</summary>
    internal sealed record Stale : Verdict;

    /// <summary>Here nobody can tell: what decides is no longer in the log.</summary>
    internal sealed record Unknown : Verdict;
}
