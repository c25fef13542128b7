using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// <c>GET /events</c> with <c>Accept: application/json</c>: the newest events that are kept, and the position behind them, from which a
/// stream goes on without a hole. Who may listen may read.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Nobody asks for a handle.")]
internal sealed class HistoryEndpoint(EventHub hub, Permissions access, Responses responses)
{
    private const int MostEvents = 1000;
    private const int StandardEvents = 100;
    private const int MostBytes = 4 * 1024 * 1024; // Of the answer: then the older ones stay away.
    private readonly SemaphoreSlim _turns = new(Math.Max(1, Environment.ProcessorCount / 2)); // A long log takes a processor for a while.

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

        var request = new SubscribeRequest(new Selection(topics, grant.MayHear), Envelope.Event, LastEventId: null, Rewind: null);
        if (!await hub.CatchUpAsync())
            return Refusal.Later(503, "cluster", $"{hub.Problem ?? "The cluster does not answer."} Nothing can be read.");

        if (await ReadNewestAsync(request, limit) is not { } answer)
            return Refusal.Stopping;

        await responses.SendBytesAsync(exchange, "application/json", answer);
        return null;
    }

    // Null when the hub has stopped. What is dropped while it is read is no longer history: then less is read, anew.
    private async Task<ReadOnlyMemory<byte>?> ReadNewestAsync(SubscribeRequest request, int limit)
    {
        // First the turn: under a pattern the feed has the names of all channels.
        await _turns.WaitAsync();
        try
        {
            while (await hub.ReadAsync(request with { Rewind = Rewind.ToLast(limit) }) is var (feed, through))
            {
                var events = new NewestEvents(limit, MostBytes);
                if (await events.TryReadAllAsync(feed))
                    return Write(events, hub.Positions.Encode(through));

                limit = Math.Max(1, limit / 2);
            }

            return null;
        }
        finally
        {
            _turns.Release();
        }
    }

    private static ReadOnlyMemory<byte> Write(NewestEvents events, string position)
    {
        var answer = new ArrayBufferWriter<byte>();
        answer.Write(Encoding.UTF8.GetBytes($$"""{"position":"{{position}}","events":"""));
        events.Write(answer);
        answer.Write("}"u8);
        return answer.WrittenMemory;
    }
}
