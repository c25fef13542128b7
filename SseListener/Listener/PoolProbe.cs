using System.Diagnostics;

namespace SseListener.Listener;

/// <summary>
/// Finds out whether the thread pool still gets to its work. HttpListener waits on the pool's threads for the rest of a body
/// that it has refused by itself (another Host, an unknown transfer coding), a second for each piece: two hundred such requests
/// that trickle kept everybody else waiting for minutes (measured).
/// </summary>
internal sealed class PoolProbe : IThreadPoolWorkItem
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(3);

    private long _sent;
    private volatile bool _hasRun = true;

    /// <summary>Whether a piece of work has been waiting for longer than it ever should. To be asked again and again.</summary>
    public bool IsStuck()
    {
        if (!_hasRun)
        {
            return Stopwatch.GetElapsedTime(_sent) > _limit;
        }

        _hasRun = false;
        _sent = Stopwatch.GetTimestamp();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return false;
    }

    /// <summary>The piece of work.</summary>
    public void Execute() => _hasRun = true;
}
