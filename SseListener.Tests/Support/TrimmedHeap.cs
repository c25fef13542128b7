using SseListener.Http;

namespace SseListener.Tests.Support;

/// <summary>What a <see cref="HeapTrim"/> sees and does, without a heap: tests say what there is, and when it looks.</summary>
internal sealed class TrimmedHeap : TimeProvider, IDisposable
{
    private const int Second = 1000;

    private readonly HeapTrim _trim;

    public TrimmedHeap()
    {
        _trim = new HeapTrim(() => Clients, () => Activity, Collect, this);
    }

    /// <summary>Clients that there are.</summary>
    public int Clients { get; set; }

    /// <summary>Grows with what happens.</summary>
    public long Activity { get; set; }

    /// <summary>Milliseconds that a trim takes.</summary>
    public long Pause { get; set; } = 1;

    /// <summary>The time, in milliseconds.</summary>
    public long Now { get; set; }

    /// <summary>The trims so far.</summary>
    public List<Trim> Collections { get; } = [];

    /// <inheritdoc/>
    public override long TimestampFrequency => Second;

    /// <inheritdoc/>
    public override long GetTimestamp() => Now;

    public void Look() => _trim.Look();

    /// <summary>Looks, a second apart, as often as it takes in the quiet with so many clients.</summary>
    public void LookOn()
    {
        for (var looks = 2 + (Clients / 2000); looks > 0; looks--)
        {
            Now += Second;
            Look();
        }
    }

    /// <summary>Looks, a second apart, and something happens before each look.</summary>
    public void LookOnAmongEvents(int looks)
    {
        for (; looks > 0; looks--)
        {
            Now += Second;
            Activity++;
            Look();
        }
    }

    public void Dispose() => _trim.Dispose();

    private void Collect(Trim trim)
    {
        Collections.Add(trim);
        Now += Pause;
    }
}
