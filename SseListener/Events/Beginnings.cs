namespace SseListener.Events;

/// <summary>
/// Finds where in the log a client begins: behind the last id that it names; and without one at the end, or as far back as it asks, or, in
/// a channel that has ended, at the beginning. For the hub's writer.
/// </summary>
internal sealed class Beginnings(TopicTable topics, History history, PositionCipher positions)
{
    private const int MostAtOnce = 128; // Channels, while publishers wait: some 50 us.

    private LogIndex LogIndex => history.LogIndex;

    /// <summary>Whether a client's last id is known, if it has one.</summary>
    public bool Knows(SubscribeRequest request) =>
        request.LastEventId is not { } id || id == SseEvent.Earliest || TryFindPlace(request.Selection, id, out _);

    /// <summary>Finds the place of a client that listens to these topics.</summary>
    public Beginning Find(SubscribeRequest request, IReadOnlyList<Topic> listened)
    {
        if (request.LastEventId is not { } id)
            return FindWithoutId(request, listened);

        // "earliest" is the id of no frame, so it begins with the oldest, without a gap.
        return TryFindPlace(request.Selection, id, out var place)
            ? new Beginning(place, LogIndex.HasDropped(place, request.Selection, listened), Channels: null)
            : new Beginning(LogIndex.BeforeOldestKept, id != SseEvent.Earliest, Channels: null);
    }

    /// <summary>
    /// Looks at some channels under a pattern, from a name on, and returns the name to go on from; an empty text when there is none.
    /// </summary>
    public string LookBackFrom(string name, string pattern, SubscribeRequest request)
    {
        var names = topics.FindNames(pattern[..^1], name, MostAtOnce);
        foreach (var log in names.Select(topics.FindChannel).OfType<ChannelLog>())
            AddPlace(request.LookBack!, log, request);

        return names.Count < MostAtOnce ? "" : names[^1] + '\0';
    }

    private Beginning FindWithoutId(SubscribeRequest request, IReadOnlyList<Topic> listened)
    {
        // Most want only what is new.
        if (request.Rewind is null && !listened.Any(topic => topic is ChannelLog { IsEnded: true }))
            return new Beginning(LogIndex.Last, HasGap: false, Channels: null);

        var places = request.LookBack ?? new ChannelPlaces(LogIndex.Last);
        foreach (var log in listened.OfType<ChannelLog>().Where(log => request.Rewind is not null || log.IsEnded))
            AddPlace(places, log, request);

        return new Beginning(places.First, HasGap: false, places);
    }

    private static void AddPlace(ChannelPlaces places, ChannelLog log, SubscribeRequest request)
    {
        if (log.IsEmpty || !request.Selection.MayHear(log.Name))
            return;

        // However old, an end is told.
        var place = log.PlaceBefore(request.Rewind ?? Rewind.All, SteadyClock.Now);
        place = Math.Min(place, log.IsEnded ? log.EndedAt - 1 : long.MaxValue);
        if (place < log.LastSequence)
            places.Add(log.Name, place);
    }

    // The event may be of a channel that the client no longer listens to, but it learns nothing of one that it may not hear.
    private bool TryFindPlace(Selection selection, string lastEventId, out long place)
    {
        if (positions.TryDecode(lastEventId, out place))
            return LogIndex.HasPlace(place);

        var isKept = history.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last)
            && Array.Exists(ChannelSet.Split(history.ChannelsOf(last)), selection.MayHear);
        place = last.Sequence;
        return isKept;
    }
}

/// <summary>Where a client begins.</summary>
/// <param name="Place">The number of the last frame before all that it is to get.</param>
/// <param name="HasGap">Whether it has missed what is no longer kept.</param>
/// <param name="Channels">The same for each channel; null when that is all.</param>
internal sealed record Beginning(long Place, bool HasGap, ChannelPlaces? Channels)
{
    /// <summary>The number of the last frame of a channel before what the client is to get of it.</summary>
    public long PlaceIn(string channel) => Channels?.PlaceIn(channel) ?? Place;
}

/// <summary>How far back a client without a last id begins: by events of each channel, or by their age.</summary>
/// <param name="Events">So many of each channel.</param>
/// <param name="Age">Those that are no older.</param>
internal readonly record struct Rewind(long Events, TimeSpan Age)
{
    /// <summary>With all that is kept.</summary>
    public static Rewind All { get; } = new(long.MaxValue, TimeSpan.MaxValue);

    public static Rewind ToLast(long events) => new(events, TimeSpan.MaxValue);
    public static Rewind To(TimeSpan age) => new(long.MaxValue, age);
}
