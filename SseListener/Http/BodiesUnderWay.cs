namespace SseListener.Http;

/// <summary>
/// Bounds the bodies of the publishes under way, by count and by bytes. When there is no room for more, the body that has been arriving
/// for longest gives way. Clients that send at once are done before it is their turn, so those that hold bodies back keep out only each
/// other. Any thread may use it.
/// </summary>
internal sealed class BodiesUnderWay(ServerOptions options)
{
    private readonly Lock _lock = new();
    private readonly HashSet<RequestBody> _all = [];
    private readonly HashSet<RequestBody> _arriving = [];
    private long _bytes;

    /// <summary>Begins a body; null when there is no room, because all the others have arrived.</summary>
    public RequestBody? TryAdd()
    {
        lock (_lock)
        {
            if (_all.Count == options.MaxPublishes && _arriving.MinBy(body => body.Started) is { } oldest)
                GiveWay(oldest);

            if (_all.Count == options.MaxPublishes)
                return null;

            var added = new RequestBody(this, options);
            _all.Add(added);
            _arriving.Add(added);
            return added;
        }
    }

    /// <summary>Makes room for more bytes of a body, which may have to give way itself.</summary>
    public void MakeRoom(RequestBody body, int bytes)
    {
        lock (_lock)
        {
            // It may be the oldest itself. Those that take no room would free none.
            while (_all.Contains(body) && _bytes + bytes > options.MaxPublishBytes)
                GiveWay(_arriving.Where(other => other.Room > 0 || other == body).MinBy(other => other.Started)!);

            if (_all.Contains(body))
                (_bytes, body.Room) = (_bytes + bytes, body.Room + bytes);
        }
    }

    /// <summary>A body has arrived, and gives way no more; false when it has done so already.</summary>
    public bool TryComplete(RequestBody body)
    {
        lock (_lock)
            return _arriving.Remove(body);
    }

    /// <summary>Frees the room that a body takes, unless it has given way before.</summary>
    public void Remove(RequestBody body)
    {
        lock (_lock)
        {
            _arriving.Remove(body);
            _bytes -= _all.Remove(body) ? body.Room : 0;
        }
    }

    private void GiveWay(RequestBody body)
    {
        Remove(body);
        body.GiveWay();
    }
}
