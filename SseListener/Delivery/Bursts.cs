namespace SseListener.Delivery;

/// <summary>
/// What lanes do in a burst, which is when more and more comes in during long sweeps: they take turns, and an audience rests from one
/// sweep to the next. Where processors are few, those who publish the burst and those who receive it are waiting for this one: until
/// sweeps take 17 ms (of two lanes 7) they have seven eighths of the processors, and the next slices are the longer for it. Other news
/// is swept at once.
/// </summary>
/// <remarks>
/// 1,000 clients on two processors, back to back, medians of ten runs side by side: 3.5 million deliveries a second, 3.2 in the slowest
/// run. With rests only after 1 KiB of news, three sweeps long and to their end, 3.0 and 1.8: the lanes kept the publisher from publishing
/// so much, and sweeps were 115 where they are 15 to 30 now. Without turns 2.6 where it was 3.0 with them.
/// </remarks>
internal sealed class Bursts : IDisposable
{
    // Frames: one begins a sweep, and by chance another comes during it.
    private const int Few = 2;

    // Bytes: no more than a client gets in one sweep, or clients would fall behind by a rest.
    private const int Long = Events.Slice.Longest;

    private const double Share = 0.125;

    private static readonly TimeSpan _longSweep = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _longestRest = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _turns;
    private readonly double _restPerSweep;

    /// <summary>For some lanes.</summary>
    /// <param name="lanes">How many there are.</param>
    /// <param name="processors">How many processors they share with everything else.</param>
    public Bursts(int lanes, int processors)
    {
        _turns = new SemaphoreSlim(Math.Max(1, processors / 2));
        _restPerSweep = Math.Max(1, (lanes / (Share * processors)) - 1);
    }

    /// <summary>Waits for a turn, which is for one sweep.</summary>
    public void BeginTurn() => _turns.Wait();

    /// <summary>Ends it.</summary>
    public void EndTurn() => _turns.Release();

    /// <summary>How long to rest.</summary>
    /// <param name="swept">How long the last sweep took.</param>
    /// <param name="news">What the topic got from the end of the sweep before to the end of this one.</param>
    /// <returns>Zero when it was no sweep of a burst.</returns>
    public TimeSpan RestAfter(TimeSpan swept, News news)
    {
        if (swept < _longSweep || news.Frames <= Few || news.Bytes >= Long)
        {
            return TimeSpan.Zero;
        }

        var rest = swept * _restPerSweep;
        return rest < _longestRest ? rest : _longestRest;
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();
}

/// <summary>What a topic has got in some time.</summary>
/// <param name="Frames">How many frames.</param>
/// <param name="Bytes">How many bytes they are.</param>
internal readonly record struct News(long Frames, long Bytes);
