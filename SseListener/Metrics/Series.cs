using System.Globalization;
using System.Text;

namespace SseListener.Metrics;

/// <summary>What has been measured with the same labels: a value, or a histogram. Any thread may use it.</summary>
/// <param name="bounds">The upper bounds of the histogram's buckets; none for a value.</param>
internal sealed class Series(double[] bounds)
{
    private readonly Lock _lock = new();
    private readonly long[] _buckets = new long[bounds.Length + 1];
    private double _value;

    /// <summary>Sets the value.</summary>
    public void Set(double value)
    {
        lock (_lock)
        {
            _value = value;
        }
    }

    /// <summary>Adds to the value.</summary>
    public void Add(double value)
    {
        lock (_lock)
        {
            _value += value;
        }
    }

    /// <summary>Adds to the histogram.</summary>
    public void Record(double value)
    {
        // A bucket has what is less than or equal to its bound.
        var place = Array.BinarySearch(bounds, value);
        lock (_lock)
        {
            _buckets[place < 0 ? ~place : place]++;
            _value += value;
        }
    }

    /// <summary>Writes its lines.</summary>
    public void Write(StringBuilder text, string name, string labels)
    {
        lock (_lock)
        {
            if (bounds.Length == 0)
            {
                Line(text, name, labels, _value);
                return;
            }

            var total = 0L;
            for (var i = 0; i < _buckets.Length; i++)
            {
                total += _buckets[i];
                var bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                Line(text, $"{name}_bucket", $"{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"", total);
            }

            Line(text, $"{name}_sum", labels, _value);
            Line(text, $"{name}_count", labels, total);
        }
    }

    private static void Line(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {value:R}\n");
}
