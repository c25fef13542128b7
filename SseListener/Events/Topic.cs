namespace SseListener.Events;

/// <summary>What clients listen to: a channel, or all channels under a prefix. For the hub's writer, unless any thread is named.</summary>
internal abstract class Topic(string name)
{
    private int _merging;
    private int _clients;

    public string Name { get; } = name;

    /// <summary>Clients that the hub has given a place. While there are some, the topic is not forgotten.</summary>
    public int Listeners { get; set; }

    /// <summary>Clients that lanes serve, for presence. Any thread may ask.</summary>
    public int Clients => Volatile.Read(ref _clients);

    /// <summary>Whether it has ended, and what can be read now is all of it. Any thread may ask.</summary>
    public bool IsOver
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>The topic's new frames, for clients that merge several topics; null while there are no such clients.</summary>
    public FrameIndex? FrameIndex { get; private set; }

    /// <summary>Counts a client in (1) or out (-1). Any thread may call it.</summary>
    public void CountClient(int change) => Interlocked.Add(ref _clients, change);

    /// <summary>Begins the index of new frames, or shares the one there is.</summary>
    public FrameIndex OpenIndex()
    {
        _merging++;
        return FrameIndex ??= new FrameIndex();
    }

    public void CloseIndex() => FrameIndex = --_merging == 0 ? null : FrameIndex;
}

/// <summary>All channels whose names begin with a prefix that ends with a slash, also those that do not exist yet.</summary>
internal sealed class Pattern(string name) : Topic(name);
