namespace SseListener.Events;

/// <summary>
/// Finds where in the log a client begins: behind the last id that it names; and without one at the end, or as far back as it asks, or, in
/// a channel that has ended, at the beginning. For the hub's writer.
/// </summary>
internal sealed class Beginnings(TopicTable topics, History history, PositionCipher positions)
{
    private LogIndex LogIndex => history.LogIndex;

    /// <summary>Whether a client's last id is known, if it has one.</summary>
    public bool Knows(SubscribeRequest request) =>
        request.LastEventId is not { } id || id == SseEvent.Earliest || TryFindPlace(request.Selection, id, out _);

    /// <summary>Finds the place of a client that listens to these topics.</summary>
    public Beginning Find(SubscribeRequest request, IReadOnlyList<Topic> listened)
    {
        if (request.LastEventId is not { } id)
            return Find(request, listened, SteadyClock.Now);

        // "earliest" is the id of no frame, so it begins with the oldest, without a gap.
        return TryFindPlace(request.Selection, id, out var place)
            ? new Beginning(place, LogIndex.HasDropped(place, request.Selection, listened), Channels: null)
            : new Beginning(LogIndex.BeforeOldestKept, id != SseEvent.Earliest, Channels: null);
    }

    private Beginning Find(SubscribeRequest request, IReadOnlyList<Topic> listened, long now)
    {
        var places = new Dictionary<string, long>(StringComparer.Ordinal);
        var logs = request.Rewind is null ? listened.OfType<ChannelLog>().Where(log => log.IsEnded) : listened.SelectMany(topics.LogsOf);
        foreach (var log in logs.Where(log => !log.IsEmpty && request.Selection.MayHear(log.Name)))
        {
            // However old, an end is told.
            var place = Math.Min(log.PlaceBefore(request.Rewind ?? Rewind.All, now), log.IsEnded ? log.EndedAt - 1 : long.MaxValue);
            if (place < log.LastSequence)
                places[log.Name] = place;
        }

        return new Beginning(places.Count == 0 ? LogIndex.Last : places.Values.Min(), HasGap: false, places);
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
/// <param name="Channels">The same for each channel of which it is to get what is kept already; null when that is all of its channels.</param>
internal sealed record Beginning(long Place, bool HasGap, IReadOnlyDictionary<string, long>? Channels)
{
    /// <summary>The number of the last frame of a channel before what the client is to get of it.</summary>
    public long PlaceIn(string channel) => Channels is null ? Place : Channels.GetValueOrDefault(channel, long.MaxValue);
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
