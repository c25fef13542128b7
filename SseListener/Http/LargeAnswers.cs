using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// Bounds the bytes of large answers on their way. When there is no room for more, the one that has been on its way for longest is broken
/// off. Clients that read have theirs soon, so those that do not read keep out only each other. Any thread may use it.
/// </summary>
internal sealed class LargeAnswers(long mostBytes)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<(Exchange Exchange, int Bytes)> _all = []; // Oldest first.
    private long _bytes;

    /// <summary>Sends an answer of so many bytes, and counts it until it has been sent.</summary>
    public async Task SendAsync(Exchange exchange, int bytes, Func<Task> send)
    {
        var added = Add(exchange, bytes);
        try
        {
            await send();
        }
        finally
        {
            Remove(added);
        }
    }

    private LinkedListNode<(Exchange Exchange, int Bytes)> Add(Exchange exchange, int bytes)
    {
        lock (_lock)
        {
            while (_bytes + bytes > mostBytes && _all.First is { } oldest)
            {
                // Under the lock: an answer that has been sent in the meantime may be followed by another one on its connection.
                Drop(oldest);
                oldest.Value.Exchange.BreakWrite();
            }

            _bytes += bytes;
            return _all.AddLast((exchange, bytes));
        }
    }

    private void Remove(LinkedListNode<(Exchange Exchange, int Bytes)> answer)
    {
        lock (_lock)
        {
            if (answer.List is not null)
                Drop(answer);
        }
    }

    private void Drop(LinkedListNode<(Exchange Exchange, int Bytes)> answer)
    {
        _bytes -= answer.Value.Bytes;
        _all.Remove(answer);
    }
}
