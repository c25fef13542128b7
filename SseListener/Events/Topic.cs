namespace SseListener.Events;

/// <summary>
/// What clients listen to, and what a lane's audience forms around: a channel, or all channels under a prefix. For the hub's
/// writer, except <see cref="Name"/>, <see cref="Length"/>, <see cref="Count"/> and <see cref="Clients"/>.
/// </summary>
internal abstract class Topic(string name)
{
    private long _length;
    private long _count;
    private int _merging;
    private int _clients;

    /// <summary>The channel's name, or the pattern.</summary>
    public string Name { get; } = name;

    /// <summary>Bytes of frames since the server began, those included that are no longer kept.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>How many frames that is.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Clients that listen, or are about to.</summary>
    public int Listeners { get; set; }

    /// <summary>How many clients lanes serve that listen to it by this name. Any thread may ask.</summary>
    public int Clients => Volatile.Read(ref _clients);

    /// <summary>The topic's frames from now on, for clients that merge several topics. Kept up only while there are such clients.</summary>
    public FrameIndex? FrameIndex { get; private set; }

    /// <summary>Counts a client in (1) or out (-1). Any thread may call it.</summary>
    public void CountClient(int change) => Interlocked.Add(ref _clients, change);

    /// <summary>Begins a trail, or shares the one there is.</summary>
    public FrameIndex OpenIndex()
    {
        _merging++;
        return FrameIndex ??= new FrameIndex();
    }

    /// <summary>Gives back what <see cref="OpenIndex"/> gave.</summary>
    public void CloseIndex()
    {
        if (--_merging == 0)
        {
            FrameIndex = null;
        }
    }

    /// <summary>Counts a frame that has been appended, and lets those know who merge.</summary>
    public void Take(NumberedFrame frame)
    {
        Volatile.Write(ref _length, _length + frame.Position.Length);
        Volatile.Write(ref _count, _count + 1);
        FrameIndex?.Append(frame);
    }
}

/// <summary>All channels whose names begin with a prefix that ends with a slash, those included that do not exist yet.</summary>
internal sealed class Pattern(string name) : Topic(name);
