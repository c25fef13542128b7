using System.Globalization;
using System.Text;
using SseListener.Journal;

namespace SseListener.Tests.Support;

/// <summary>What is in a journal, written by hand.</summary>
internal static class JournalText
{
    /// <summary>An event and the comment before it.</summary>
    public static string Event(int number, string data, string id, long time, string channel = "default")
    {
        var frame = $"data: {data}\nid: {id}\n\n";
        var line = $": {number} {channel} {time} {Crc(frame)} 0 ";
        return $"{line}{Crc(line)}\n{frame}";
    }

    private static string Crc(string text) =>
        JournalLine.Checksum(Encoding.ASCII.GetBytes(text)).ToString("x8", CultureInfo.InvariantCulture);
}
