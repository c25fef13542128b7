using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// <c>GET /events</c> with <c>Accept: application/json</c>: the newest events that are kept, and the position behind them, from which a
/// stream goes on without a hole. Who may listen may read.
/// </summary>
internal sealed class HistoryEndpoint(EventHub hub, Permissions access, Responses responses)
{
    private const int MostEvents = 1000;
    private const int StandardEvents = 100;
    private const int MostBytes = 4 * 1024 * 1024; // Of the answer: then the older ones stay away.

    public async Task<Refusal?> ReadAsync(Exchange exchange)
    {
        if (Parameters.ProblemOf(exchange.Target, Parameters.History) is { } misplaced)
            return Refusal.OfParameter(misplaced);

        if (!Parameters.TryReadTopics(exchange.Target, out var topics, out _, out var problem)
            || !Parameters.TryReadLimit(exchange.Target, StandardEvents, MostEvents, out var limit, out problem))
        {
            return Refusal.Of(400, problem);
        }

        var (grant, refusal) = await access.CheckSubscribeAsync(exchange, topics);
        if (grant is null)
            return refusal;

        var request = new SubscribeRequest(
            new Selection(topics, grant.MayHear), Envelope.Event, LastEventId: null, new Rewind(limit, TimeSpan.MaxValue));
        if (!await hub.CatchUpAsync())
            return Refusal.Later(503, "cluster", $"{hub.Problem} Nothing can be read.");

        if (await ReadNewestAsync(request, limit) is not var (events, position))
            return Refusal.Stopping;

        await responses.SendTextAsync(
            exchange, "application/json", $$"""{"position":"{{position}}","events":[{{events.Joined}}]}""");
        return null;
    }

    // Null when the hub has stopped. What is dropped while it is read is no longer history: then it is read anew.
    private async Task<(NewestEvents Events, string Position)?> ReadNewestAsync(SubscribeRequest request, int limit)
    {
        while (await hub.ReadAsync(request) is var (feed, through))
        {
            var events = new NewestEvents(limit, MostBytes);
            if (events.TryReadAll(feed))
                return (events, hub.PositionOf(through));
        }

        return null;
    }

    /// <summary>The last events of a feed of whole events in envelopes, as JSON.</summary>
    private sealed class NewestEvents(int most, int mostBytes)
    {
        private readonly Queue<string> _events = [];
        private readonly ArrayBufferWriter<byte> _unread = new();
        private int _length;

        public string Joined => string.Join(',', _events);

        /// <summary>Reads what the feed has; false when some of it is dropped meanwhile.</summary>
        public bool TryReadAll(Feed feed)
        {
            var slice = new Slice();
            while (feed.Fill(slice) is var state && state is not CursorState.CaughtUp)
            {
                if (state is CursorState.Lapped)
                    return false;

                _unread.Write(slice.Bytes);
                AddWholeFrames();
            }

            return true;
        }

        private void AddWholeFrames()
        {
            var unread = _unread.WrittenSpan;
            for (int end; (end = unread.IndexOf("\n\n"u8)) >= 0; unread = unread[(end + 2)..])
                Add(unread["data: "u8.Length..unread.IndexOf((byte)'\n')]); // One line, and the frame's first.

            var rest = unread.ToArray();
            _unread.ResetWrittenCount();
            _unread.Write(rest);
        }

        private void Add(ReadOnlySpan<byte> json)
        {
            _events.Enqueue(Encoding.UTF8.GetString(json));
            _length += json.Length;
            while (_events.Count > most || (_length > mostBytes && _events.Count > 1))
                _length -= _events.Dequeue().Length;
        }
    }
}
