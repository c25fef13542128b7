using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace SseListener.Verbs;

/// <summary>Reads lines in groups of those that are there: none waits for the next, and a group is what one request may have.</summary>
internal static class InputLines
{
    // A server of the defaults takes four times as much, and so does a NATS server. What is beside the data counts for little lines.
    private const int MostBytes = 256 * 1024;
    private const int BytesBeside = 64;

    // No server takes a larger body.
    private const int LongestLine = 128 * 1024 * 1024;

    /// <summary>Reads to the end; the last line needs no line end, which is LF or CRLF.</summary>
    /// <exception cref="InvalidDataException">A line has more bytes than any server takes.</exception>
    public static async IAsyncEnumerable<List<byte[]>> ReadAsync(Stream input, [EnumeratorCancellation] CancellationToken interrupted)
    {
        var reader = PipeReader.Create(input, new StreamPipeReaderOptions(bufferSize: MostBytes, leaveOpen: true));
        while (true)
        {
            // A read of standard input cannot be ended.
            var read = await reader.ReadAsync(CancellationToken.None).AsTask().WaitAsync(interrupted);
            var unread = read.Buffer;
            while (ReadGroup(ref unread, read.IsCompleted) is { Count: > 0 } group)
                yield return group;

            if (read.IsCompleted)
                yield break;

            if (unread.Length > LongestLine)
                throw new InvalidDataException($"a line has more than {LongestLine} bytes");

            reader.AdvanceTo(unread.Start, unread.End);
        }
    }

    private static List<byte[]> ReadGroup(ref ReadOnlySequence<byte> unread, bool isAll)
    {
        var (lines, bytes) = (new List<byte[]>(), 0L);
        while (bytes < MostBytes && TryReadLine(ref unread, isAll, out var line))
        {
            var text = line.ToArray();
            bytes += text.Length + BytesBeside;
            lines.Add(text is [.., (byte)'\r'] ? text[..^1] : text);
        }

        return lines;
    }

    private static bool TryReadLine(ref ReadOnlySequence<byte> unread, bool isAll, out ReadOnlySequence<byte> line)
    {
        if (unread.PositionOf((byte)'\n') is { } end)
        {
            line = unread.Slice(0, end);
            unread = unread.Slice(unread.GetPosition(1, end));
            return true;
        }

        line = unread;
        if (!isAll || unread.IsEmpty)
            return false;

        unread = unread.Slice(unread.End);
        return true;
    }
}
