using System.Security.Cryptography;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// The file by which positions are recognised after a restart. A start is one run of the program on the folder. The file has the key, the
/// numbers behind which starts began, and behind those, each as two numbers of which the first is negative, what starts have skipped.
/// </summary>
internal sealed class JournalKey(string folder, LogWriter log)
{
    private const int MostStarts = 1000; // Starts without an event behind them, of which the oldest are forgotten.

    private readonly string _file = Path.Combine(folder, "key");
    private bool _isNew = true;
    private FileStatus? _status;

    public byte[] Bytes { get; private set; } = RandomNumberGenerator.GetBytes(PositionCipher.KeySize);
    public IReadOnlyList<long> Starts { get; private set; } = [];

    /// <inheritdoc cref="IEventLog.Skipped"/>
    public IReadOnlyList<SkippedNumbers> Skipped { get; private set; } = [];

    /// <summary>Reads the file, if it is there, or throws: <see cref="Disk.IsFailure"/>.</summary>
    public void Read()
    {
        if (File.Exists(_file)
            && File.ReadAllBytes(_file) is { Length: >= PositionCipher.KeySize } kept
            && (kept.Length - PositionCipher.KeySize) % sizeof(long) == 0)
        {
            (Bytes, _isNew) = (kept[..PositionCipher.KeySize], false);
            long[] numbers = [.. kept[PositionCipher.KeySize..].Chunk(sizeof(long)).Select(bytes => BitConverter.ToInt64(bytes))];
            Starts = [.. numbers.TakeWhile(number => number >= 0)];
            var pairs = numbers[Starts.Count..].Chunk(2).Where(pair => pair.Length == 2);
            Skipped = [.. pairs.Select(pair => new SkippedNumbers(~pair[0], pair[1]))];
        }
    }

    /// <summary>Chooses and stores where this start begins, behind the last frame of the log; before any position is given.</summary>
    public void Begin(long last)
    {
        // Frames may be lost by a power cut, or by putting an older copy of the folder in its place. No new frame may get one of their
        // numbers: this start begins 2^32 further, more than are lost at once, and up to 2^39 beyond that, which nobody can guess.
        var start = _isNew ? last : Starts.Append(last).Max() + (1L << 32) + ((long)RandomNumberGenerator.GetInt32(int.MaxValue) << 8);
        if (!_isNew)
            Skipped = [.. Skipped.TakeLast(MostStarts - 1), new SkippedNumbers(Starts.Append(last).Max(), start)];

        Starts = [.. Starts.Where(earlier => earlier > last).TakeLast(MostStarts - 1), start];
        TryWrite();
    }

    /// <summary>Writes the file again when it has been deleted or replaced.</summary>
    public void EnsureWritten()
    {
        if (_status is null || Disk.Find(_file) != _status)
            TryWrite();
    }

    private void TryWrite()
    {
        const string Loss = "cannot be written, so clients that come back after a restart will be told of a gap";
        if (Disk.Attempt(Write) is { } failure)
            log.Often(LogLevel.Warning, "key not kept", $"{_file} {Loss}: {failure.Message}");
    }

    // Under another name first: half a key is none.
    private void Write()
    {
        var unfinished = _file + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        using (var output = new FileStream(unfinished, options))
        {
            var numbers = Starts.Concat(Skipped.SelectMany(skipped => new[] { ~skipped.After, skipped.Through }));
            output.Write([.. Bytes, .. numbers.SelectMany(BitConverter.GetBytes)]);
            Disk.Sync(output.SafeFileHandle);

            // Of what was written here, not of what has this name now: somebody may replace it at once.
            _status = Disk.Of(output.SafeFileHandle);
        }

        File.Move(unfinished, _file, overwrite: true);
        Disk.SyncFolder(folder);
    }
}
