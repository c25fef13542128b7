namespace SseListener.Delivery;

/// <summary>Lets so many things happen in a second, and no more. For one thread.</summary>
/// <param name="most">How many.</param>
internal struct RateLimit(int most)
{
    private long _second;
    private int _taken;

    /// <summary>Takes note that something happens; false when it may not.</summary>
    /// <param name="count">How many of it.</param>
    /// <param name="now">The time in milliseconds.</param>
    public bool TryTake(int count, long now)
    {
        if (now / 1000 != _second)
        {
            (_second, _taken) = (now / 1000, 0);
        }

        if (_taken + count > most)
        {
            return false;
        }

        _taken += count;
        return true;
    }
}
