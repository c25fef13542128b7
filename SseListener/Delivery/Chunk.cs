using System.Buffers.Text;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A slice as one chunk of a body (RFC 9112, section 7.1): its length in hexadecimal, a line end, the bytes, a line end.</summary>
internal static class Chunk
{
    private static readonly byte[] _lineEnd = "\r\n"u8.ToArray();

    /// <summary>A slice with what makes it a chunk, which is written into its margins.</summary>
    public static ReadOnlySpan<byte> Frame(Slice slice)
    {
        Span<byte> head = stackalloc byte[Slice.Margin];
        Utf8Formatter.TryFormat(slice.Length, head, out var digits, 'x');
        var chunk = slice.Around(digits + _lineEnd.Length, _lineEnd.Length);
        head[..digits].CopyTo(chunk);
        _lineEnd.CopyTo(chunk[digits..]);
        _lineEnd.CopyTo(chunk[^_lineEnd.Length..]);
        return chunk;
    }

    /// <summary>What comes behind the first <paramref name="sent"/> bytes of a slice's chunk, so that it outlives the slice.</summary>
    public static List<ArraySegment<byte>> Behind(Slice slice, int sent)
    {
        var chunk = Frame(slice);
        var head = chunk.Length - slice.Length - _lineEnd.Length;
        var rest = slice.Behind(Math.Clamp(sent - head, 0, slice.Length));
        if (sent < head)
        {
            rest.Insert(0, chunk[sent..head].ToArray());
        }

        rest.Add(new ArraySegment<byte>(_lineEnd)[Math.Max(0, sent - head - slice.Length)..]);
        return rest;
    }
}
