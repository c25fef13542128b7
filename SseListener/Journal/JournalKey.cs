using System.Security.Cryptography;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// What makes positions of a journal known again, in a file beside it: the key that they are enciphered with, and the numbers that the
/// program began behind when it was started. With another key they are of another log.
/// </summary>
/// <param name="folder">The journal's folder.</param>
/// <param name="log">Takes why it cannot be kept.</param>
internal sealed class JournalKey(string folder, LogWriter log)
{
    // Starts without an event behind them, of which the oldest are forgotten.
    private const int MostStarts = 1000;

    private readonly string _file = Path.Combine(folder, "key");
    private bool _isNew = true;
    private FileStatus? _status;

    /// <summary>The key.</summary>
    public byte[] Bytes { get; private set; } = RandomNumberGenerator.GetBytes(PositionCipher.KeySize);

    /// <summary>The numbers that the program began behind, of starts that have left no frame; the present one's is the last.</summary>
    public IReadOnlyList<long> Starts { get; private set; } = [];

    /// <summary>Reads it, if it is there.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public void Read()
    {
        if (File.Exists(_file)
            && File.ReadAllBytes(_file) is { Length: >= PositionCipher.KeySize } kept
            && (kept.Length - PositionCipher.KeySize) % sizeof(long) == 0)
        {
            (Bytes, _isNew) = (kept[..PositionCipher.KeySize], false);
            Starts = [.. kept[PositionCipher.KeySize..].Chunk(sizeof(long)).Select(bytes => BitConverter.ToInt64(bytes))];
        }
    }

    /// <summary>Begins behind the last frame that is kept, and keeps where; before any position is given.</summary>
    /// <remarks>
    /// Far behind it, and not where anybody can tell: what a power cut took along had numbers too, and so has what came after a copy of
    /// the folder was made that is in its place now. No new frame is to look like one of those.
    /// </remarks>
    public void Begin(long last)
    {
        var start = _isNew ? last : Starts.Append(last).Max() + (1L << 32) + ((long)RandomNumberGenerator.GetInt32(int.MaxValue) << 8);
        Starts = [.. Starts.Where(former => former > last).TakeLast(MostStarts - 1), start];
        TryWrite();
    }

    /// <summary>Keeps it again when somebody has deleted it, or put another one in its place.</summary>
    public void Keep()
    {
        if (_status is null || Disk.Find(_file) != _status)
        {
            TryWrite();
        }
    }

    // Under another name first: half a key is none.
    private void TryWrite()
    {
        var unfinished = _file + ".new";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var output = new FileStream(unfinished, options))
            {
                output.Write(Bytes);
                output.Write([.. Starts.SelectMany(BitConverter.GetBytes)]);
                output.Flush();
                Disk.Sync(output.SafeFileHandle);
            }

            File.Move(unfinished, _file, overwrite: true);
            Disk.SyncFolder(folder);
            _status = Disk.Find(_file);
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            log.Often(
                LogLevel.Warning,
                "key not kept",
                $"{_file} cannot be written, so clients that come back after a restart will be told of a gap: {e.Message}");
        }
    }
}
