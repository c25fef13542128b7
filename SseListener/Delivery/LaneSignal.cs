namespace SseListener.Delivery;

/// <summary>
/// Wakes a lane's thread: with one system call for each time that it is woken, not one for each append. Any thread may set it; the rest
/// is for the lane's thread.
/// </summary>
internal sealed class LaneSignal : IDisposable
{
    private readonly AutoResetEvent _event = new(false);
    private int _isSet;

    /// <summary>Wakes the thread. One that finds it set already relies on the thread not having looked yet.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _isSet, 1) == 0)
        {
            _event.Set();
        }
    }

    /// <summary>Waits for it.</summary>
    /// <param name="longest">Milliseconds.</param>
    public void Wait(int longest) => _event.WaitOne(longest);

    /// <summary>To be called before the thread looks at anything: what comes after this wakes it again.</summary>
    public void Reset() => Interlocked.Exchange(ref _isSet, 0);

    /// <summary>Ends it. Those who set it from now on wake nobody.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref _isSet, 1);
        _event.Dispose();
    }
}
