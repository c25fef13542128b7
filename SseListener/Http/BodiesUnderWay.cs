namespace SseListener.Http;

/// <summary>
/// The bodies of the publishes under way: how many there are, and how many bytes are kept of them. When there is no room for more, the
/// one that has been arriving for longest gives way. Those who send at once are done before it is their turn, so whoever holds bodies
/// back keeps out only others who do. Any thread may use it.
/// </summary>
/// <param name="most">Most bodies.</param>
/// <param name="mostBytes">Most bytes that are kept of them beside a buffer for each.</param>
internal sealed class BodiesUnderWay(int most, long mostBytes)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<RequestBody> _arriving = [];
    private int _count;
    private long _bytes;

    /// <summary>Takes one more in; null when there is no room, because all the others have arrived.</summary>
    public RequestBody? TryAdd()
    {
        lock (_lock)
        {
            if (_count == most)
            {
                GiveWay(_arriving.First?.Value);
            }

            if (_count == most)
            {
                return null;
            }

            _count++;
            var body = new RequestBody(this);
            body.Place = _arriving.AddLast(body);
            return body;
        }
    }

    /// <summary>Makes room for more bytes of a body; false when it has had to give way itself.</summary>
    public bool TryMakeRoom(RequestBody body, int bytes)
    {
        lock (_lock)
        {
            while (!body.HasGivenWay && _bytes + bytes > mostBytes)
            {
                // It may be the oldest itself. Those that keep nothing would free nothing.
                GiveWay(_arriving.First(other => other.Room > 0 || other == body));
            }

            if (!body.HasGivenWay)
            {
                _bytes += bytes;
                body.Room += bytes;
            }

            return !body.HasGivenWay;
        }
    }

    /// <summary>A body has arrived, and gives way no more; false when it has done so already.</summary>
    public bool TryComplete(RequestBody body)
    {
        lock (_lock)
        {
            Forget(body);
            return !body.HasGivenWay;
        }
    }

    /// <summary>Lets go of a body.</summary>
    public void Remove(RequestBody body)
    {
        lock (_lock)
        {
            if (!body.HasGivenWay)
            {
                Forget(body);
                _count--;
                _bytes -= body.Room;
            }
        }
    }

    private void GiveWay(RequestBody? body)
    {
        if (body is not null)
        {
            Remove(body);
            body.GiveWay();
        }
    }

    private void Forget(RequestBody body)
    {
        if (body.Place is { } place)
        {
            _arriving.Remove(place);
            body.Place = null;
        }
    }
}
