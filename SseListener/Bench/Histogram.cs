using System.Diagnostics;
using System.Numerics;

namespace SseListener.Bench;

/// <summary>
/// Counts durations in buckets whose width grows with the value, so that any number of them takes the same 8 KB and a quantile is
/// right to a sixteenth. Any thread may add.
/// </summary>
internal sealed class Histogram
{
    private const int BitsWithinOctave = 4;

    private readonly long[] _buckets = new long[64 << BitsWithinOctave];
    private long _longest;

    /// <summary>Adds a duration, in ticks of <see cref="Stopwatch"/>.</summary>
    public void Add(long ticks)
    {
        var value = Math.Max(ticks, 1);
        Interlocked.Increment(ref _buckets[BucketOf(value)]);
        for (var longest = Volatile.Read(ref _longest); value > longest;)
        {
            var before = Interlocked.CompareExchange(ref _longest, value, longest);
            longest = before == longest ? value : before;
        }
    }

    /// <summary>The longest duration, in milliseconds; 0 when there is none.</summary>
    public double Longest => Milliseconds(_longest);

    /// <summary>The duration, in milliseconds, that a part of all durations does not exceed; 0 when there is none.</summary>
    /// <param name="part">0 to 1.</param>
    public double Quantile(double part)
    {
        var wanted = (long)Math.Ceiling(_buckets.Sum() * part);
        var counted = 0L;
        for (var bucket = 0; bucket < _buckets.Length && wanted > 0; bucket++)
        {
            counted += _buckets[bucket];
            if (counted >= wanted)
            {
                return Math.Min(Milliseconds(EndOf(bucket)), Longest);
            }
        }

        return 0;
    }

    // The highest bit and the four below it; values under 16 have a bucket each.
    private static int BucketOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - BitsWithinOctave);
        return (shift << BitsWithinOctave) + (int)(value >> shift);
    }

    private static double EndOf(int bucket)
    {
        var shift = Math.Max(0, (bucket >> BitsWithinOctave) - 1);
        return (double)(bucket - (shift << BitsWithinOctave) + 1) * (1L << shift);
    }

    private static double Milliseconds(double ticks) => ticks * 1000 / Stopwatch.Frequency;
}
