namespace SseListener.Events;

/// <summary>
/// Where a client that rewinds begins in each of its channels, until it has been sent all that it has missed. For the hub's writer and then
/// for the client's lane, unless any thread is named.
/// </summary>
/// <param name="others">The number of the last frame before what it gets of channels without a place.</param>
internal sealed class ChannelPlaces(long others)
{
    private volatile Dictionary<string, long>? _places = new(StringComparer.Ordinal);
    private long _least = long.MaxValue;

    /// <summary>The least of all places.</summary>
    public long First => Math.Min(_least, others);

    /// <summary>How many channels have a place.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the places have had to give way (<see cref="Quota"/>). Any thread may ask.</summary>
    public bool HasGivenWay => _places is null;

    /// <summary>Adds the place of a channel, unless there is one.</summary>
    public void Add(string channel, long place)
    {
        if (_places!.TryAdd(channel, place))
            (_least, Count) = (Math.Min(_least, place), Count + 1);
    }

    /// <summary>The place in a channel. Of places that have given way the last there can be: nothing more is sent by them.</summary>
    public long PlaceIn(string channel) => _places?.GetValueOrDefault(channel, others) ?? long.MaxValue;

    /// <summary>Frees the memory of the places. Any thread may call it.</summary>
    public void GiveWay() => _places = null;
}
