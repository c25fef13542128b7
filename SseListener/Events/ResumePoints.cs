using System.Security.Cryptography;
using System.Text;

namespace SseListener.Events;

/// <summary>The places in the log from which clients go on. For the hub's writer, except <see cref="PositionOf"/>.</summary>
internal sealed class ResumePoints(History history, TopicTable topics) : IDisposable
{
    private PositionCipher _positions = new(RandomNumberGenerator.GetBytes(PositionCipher.KeySize));

    private LogIndex LogIndex => history.LogIndex;

    /// <summary>Has positions enciphered with the log's own key; before the first is given.</summary>
    public void UseKey(byte[] key)
    {
        _positions.Dispose();
        _positions = new PositionCipher(key);
    }

    /// <summary>The id of a place, given as the number of the last frame before it. Any thread may ask.</summary>
    public string PositionOf(long place) => _positions.Encode(place);

    /// <summary>Finds the place of a client that comes back.</summary>
    /// <param name="selection">Its channels.</param>
    /// <param name="listensTo">The same, as they are here.</param>
    /// <param name="lastEventId">The last event that it has, or its last position.</param>
    /// <returns>The number of the last frame before what it is to get; and whether it has missed what is no longer kept.</returns>
    public (long After, bool HasGap) Find(Selection selection, IReadOnlyList<Topic> listensTo, string lastEventId) =>
        TryFind(selection, lastEventId, out var place)
            ? (place, HasDropped(place, selection, listensTo))
            : (LogIndex.BeforeOldest, lastEventId != SseEvent.Earliest);

    /// <summary>Takes note that what was there up to this number, before the program was started, is not kept.</summary>
    public void Forget(long sequence)
    {
        topics.Forget(sequence);
        LogIndex.Forget(sequence);
    }

    /// <inheritdoc/>
    public void Dispose() => _positions.Dispose();

    // The event may be of a channel that the client no longer listens to, but of one that it may not hear it is to learn nothing.
    private bool TryFind(Selection selection, string lastEventId, out long place)
    {
        if (_positions.TryDecode(lastEventId, out place))
        {
            return LogIndex.HasPlace(place);
        }

        if (history.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last) && selection.MayHear(last.Segment.Log.Name))
        {
            place = last.Segment.SequenceOf(last);
            return true;
        }

        return false;
    }

    // Where the order of all frames no longer reaches back, each channel still knows what it has lost, and of a pattern nobody does.
    private bool HasDropped(long place, Selection selection, IReadOnlyList<Topic> listensTo) =>
        LogIndex.ReachesBackTo(place) ? LogIndex.HasDropped(place, selection)
        : listensTo.Any(topic => (topic is ChannelLog log ? log.LastDropped : LogIndex.LastDropped) > place);
}
