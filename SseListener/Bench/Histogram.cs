namespace SseListener.Bench;

/// <summary>Counts durations on a logarithmic scale, so that any number of them takes 16 KB. Any thread may add.</summary>
internal sealed class Histogram
{
    // The exponent of a double and the first five bits of its fraction: quantiles are right to 1/32.
    private const int Shift = 52 - 5;
    private const int Buckets = 64 << 5;

    private static readonly long _first = BitConverter.DoubleToInt64Bits(1) >> Shift;

    private readonly long[] _counts = new long[Buckets];

    /// <summary>Adds a duration, in ticks of <see cref="Stopwatch"/>.</summary>
    public void Add(long ticks)
    {
        var bucket = (BitConverter.DoubleToInt64Bits(Math.Max(ticks, 1)) >> Shift) - _first;
        Interlocked.Increment(ref _counts[bucket]);
    }

    /// <summary>The milliseconds that this part (0 to 1) of all durations does not exceed; 0 when there is none.</summary>
    public double Quantile(double part)
    {
        var missing = (long)Math.Ceiling(_counts.Sum() * part);
        if (missing == 0)
            return 0;

        var end = 0;
        while (missing > 0)
            missing -= _counts[end++];

        return BitConverter.Int64BitsToDouble((_first + end) << Shift) * 1000 / Stopwatch.Frequency;
    }
}
