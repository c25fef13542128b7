using SseListener.Events;

namespace SseListener.Http;

/// <summary>The last events of a feed of whole events in envelopes, as JSON.</summary>
internal sealed class NewestEvents(int most, int mostBytes)
{
    // The next piece of a long log comes behind all that waits for the pool by then, which has few threads.
    private const int SlicesAtOnce = 16;
    private readonly Queue<byte[]> _events = [];
    private readonly ArrayBufferWriter<byte> _unread = new();
    private int _length;

    /// <summary>Reads what the feed has; false when some of it is dropped meanwhile.</summary>
    public async Task<bool> TryReadAllAsync(Feed feed)
    {
        var slice = new Slice();
        for (var slices = 1; feed.Fill(slice) is var state && state is not CursorState.CaughtUp; slices++)
        {
            if (state is CursorState.Lapped)
                return false;

            Add(slice);
            if (slices % SlicesAtOnce == 0)
                await Task.Yield();
        }

        return true;
    }

    /// <summary>Writes an array of the events.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        var separator = "["u8;
        foreach (var json in _events)
        {
            output.Write(separator);
            output.Write(json);
            separator = ","u8;
        }

        output.Write(_events.Count == 0 ? "[]"u8 : "]"u8);
    }

    private void Add(Slice slice)
    {
        _unread.Write(slice.Bytes);
        if (slice.Frames == 0)
            return;

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
