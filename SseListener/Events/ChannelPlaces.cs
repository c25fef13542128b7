namespace SseListener.Events;

/// <summary>
/// Where a client that rewinds begins in each of its channels, until it has been sent all that it has missed. For the hub's writer and then
/// for the client's lane, unless any thread is named.
/// </summary>
internal sealed class ChannelPlaces
{
    private readonly long _others;
    private volatile Dictionary<string, long>? _places = new(StringComparer.Ordinal);

    /// <param name="others">The number of the last frame before what it gets of channels without a place.</param>
    public ChannelPlaces(long others)
    {
        First = _others = others;
        Node = new LinkedListNode<ChannelPlaces>(this);
    }

    /// <summary>The least of all places.</summary>
    public long First { get; private set; }

    /// <summary>How many channels have a place.</summary>
    public int Count { get; private set; }

    /// <summary>Its node in the list of those that take memory (<see cref="PlacesUnderWay"/>).</summary>
    public LinkedListNode<ChannelPlaces> Node { get; }

    /// <summary>Whether the places have had to give way to others. Any thread may ask.</summary>
    public bool HasGivenWay => _places is null;

    /// <summary>Adds the place of a channel, unless there is one.</summary>
    public void Add(string channel, long place)
    {
        if (_places!.TryAdd(channel, place))
            (First, Count) = (Math.Min(First, place), Count + 1);
    }

    public long PlaceIn(string channel) => _places?.GetValueOrDefault(channel, _others) ?? _others;

    /// <summary>Frees the memory of the places. Any thread may call it.</summary>
    public void GiveWay() => _places = null;
}

/// <summary>
/// Bounds how many places all clients together have. When there is no room for more, those of the client that has had them for longest give
/// way. Clients that read have soon read what they have missed, so those that do not read keep out only each other. Any thread may use it.
/// </summary>
internal sealed class PlacesUnderWay(long most)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<ChannelPlaces> _all = []; // Oldest first.
    private long _count;

    public void Add(ChannelPlaces places)
    {
        lock (_lock)
        {
            _all.AddLast(places.Node);
            for (_count += places.Count; _count > most && _all.First!.Value is var oldest && oldest != places; Drop(oldest))
                oldest.GiveWay();
        }
    }

    /// <summary>Removes them, if they are there.</summary>
    public void Remove(ChannelPlaces places)
    {
        lock (_lock)
        {
            if (places.Node.List is not null)
                Drop(places);
        }
    }

    private void Drop(ChannelPlaces places)
    {
        _count -= places.Count;
        _all.Remove(places.Node);
    }
}
