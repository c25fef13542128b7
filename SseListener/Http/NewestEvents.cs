using SseListener.Events;

namespace SseListener.Http;

/// <summary>The last events of a feed of whole events in envelopes, as JSON.</summary>
internal sealed class NewestEvents(int most, int mostBytes)
{
    private readonly Queue<byte[]> _events = [];
    private readonly ArrayBufferWriter<byte> _unread = new();
    private int _length;

    public string Joined => string.Join(',', _events.Select(Encoding.UTF8.GetString));

    /// <summary>Reads what the feed has; false when some of it is dropped meanwhile.</summary>
    public bool TryReadAll(Feed feed)
    {
        var slice = new Slice();
        while (feed.Fill(slice) is var state && state is not CursorState.CaughtUp)
        {
            if (state is CursorState.Lapped)
                return false;

            _unread.Write(slice.Bytes);
            if (slice.Frames > 0)
                AddWholeFrames();
        }

        return true;
    }

    private void AddWholeFrames()
    {
        var unread = _unread.WrittenSpan;
        for (int end; (end = unread.IndexOf("\n\n"u8)) >= 0; unread = unread[(end + 2)..])
            Add(unread["data: "u8.Length..unread.IndexOf((byte)'\n')]); // One line, and the frame's first.

        var rest = unread.ToArray();
        _unread.ResetWrittenCount();
        _unread.Write(rest);
    }

    private void Add(ReadOnlySpan<byte> json)
    {
        _events.Enqueue(json.ToArray());
        _length += json.Length;
        while (_events.Count > most || (_length > mostBytes && _events.Count > 1))
            _length -= _events.Dequeue().Length;
    }
}
