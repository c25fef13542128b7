namespace SseListener.Listener;

/// <summary>Lets first requests of connections in a few at a time, so that those who are here do not wait behind all of them.</summary>
internal sealed class NewcomerQueue(Action<Connection> enter) : IThreadPoolWorkItem
{
    // How many enter in a round: enough to keep the processors busy.
    private const int MostOfRound = 4;

    // Answering a request is a chain of pieces of work, each of which waits in the pool's queue. When this item has come through that
    // queue as often, the requests of the round have been answered.
    private const int PiecesOfRequest = 12;

    // When those who are here keep the pool busy for longer, the next round begins all the same: they must not keep newcomers out.
    private static readonly TimeSpan _longestRound = TimeSpan.FromMilliseconds(25);

    // Not a Lock: Monitor.Wait needs an object.
    private readonly object _lock = new();
    private readonly Queue<Connection> _waiting = new();
    private int _entered;
    private long _began;

    // How often this item has yet to come through the pool's queue; 0 when it is not there.
    private int _pieces;

    private bool IsRoundOver => _pieces == 0 || Stopwatch.GetElapsedTime(_began) > _longestRound;

    /// <summary>Blocks while many are waiting: more should not be accepted, but wait in the kernel.</summary>
    public void WaitForRoom()
    {
        lock (_lock)
        {
            while (_waiting.Count >= MostOfRound)
            {
                Monitor.Wait(_lock, _longestRound);
                EnterNext();
            }
        }
    }

    /// <summary>Lets a connection in, on a thread of the pool, when it has a request to read and its turn has come.</summary>
    public async Task AdmitAsync(Connection connection)
    {
        try
        {
            // HttpListener's part of a connection has a buffer of 8 KB, also while there is nothing to read.
            await connection.Socket.ReceiveAsync(Memory<byte>.Empty);

            // Its client has gone without a request. In a flood there may be thousands, and everybody else would wait behind them.
            if (connection.Socket.Available == 0)
            {
                connection.Socket.Dispose();
                return;
            }

            lock (_lock)
            {
                _waiting.Enqueue(connection);
                EnterNext();
            }
        }
        catch (Exception e) when (HasGone(e))
        {
            connection.Socket.Dispose();
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        lock (_lock)
        {
            _pieces--;
            if (!IsRoundOver)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            _pieces = 0;
            EnterNext();
            Monitor.PulseAll(_lock);
        }
    }

    // Under the lock.
    private void EnterNext()
    {
        if (IsRoundOver)
            _entered = 0;

        for (; _entered < MostOfRound && _waiting.Count > 0; _entered++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(Enter, _waiting.Dequeue(), preferLocal: false);
            if (_entered > 0)
                continue;

            if (_pieces == 0)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

            (_began, _pieces) = (Stopwatch.GetTimestamp(), PiecesOfRequest);
        }
    }

    private void Enter(Connection connection)
    {
        try
        {
            enter(connection);
        }
        catch (Exception e) when (HasGone(e))
        {
            connection.Socket.Dispose();
        }
    }

    // The client of a connection, or the connection has been cut.
    private static bool HasGone(Exception e) => e is SocketException or IOException or ObjectDisposedException;
}
