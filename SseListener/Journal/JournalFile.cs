using System.Globalization;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>One file of a journal.</summary>
internal sealed class JournalFile
{
    private const string Prefix = "journal-";
    private const string Suffix = ".sse";

    private JournalFile(string path, long first)
    {
        Path = path;
        First = first;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The number of the first frame that it was made for.</summary>
    public long First { get; }

    /// <summary>Bytes that are good.</summary>
    public long Length { get; set; }

    /// <summary>Bytes of the frames alone.</summary>
    public long FrameBytes { get; private set; }

    /// <summary>When its first frame was published, as <see cref="SteadyClock"/> counts; 0 when there is none.</summary>
    public long FirstTime { get; private set; }

    /// <summary>When its last frame was published, as <see cref="SteadyClock"/> counts; 0 when there is none.</summary>
    public long LastTime { get; private set; }

    /// <summary>The file for frames from <paramref name="first"/> on.</summary>
    public static JournalFile Create(string folder, long first) =>
        new(System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{first:d20}{Suffix}")), first);

    /// <summary>The files in a folder, oldest first.</summary>
    public static IEnumerable<JournalFile> List(string folder) =>
        from path in Directory.EnumerateFiles(folder, Prefix + "*" + Suffix)
        let number = System.IO.Path.GetFileName(path)[Prefix.Length..^Suffix.Length]
        where long.TryParse(number, System.Globalization.NumberStyles.None, CultureInfo.InvariantCulture, out _)
        let file = new JournalFile(path, long.Parse(number, CultureInfo.InvariantCulture))
        orderby file.First
        select file;

    /// <summary>Counts frames in.</summary>
    /// <param name="frameBytes">Their bytes.</param>
    /// <param name="time">When they were published, as <see cref="SteadyClock"/> counts.</param>
    public void Count(long frameBytes, long time)
    {
        FirstTime = FirstTime == 0 ? time : FirstTime;
        LastTime = time;
        FrameBytes += frameBytes;
    }
}
