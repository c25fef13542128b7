using System.Security.Cryptography;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>The key of a journal, in a file beside it: with another one the positions of clients are of another log.</summary>
/// <param name="folder">The journal's folder.</param>
/// <param name="log">Takes why it cannot be kept.</param>
internal sealed class JournalKey(string folder, Log log)
{
    private readonly string _file = Path.Combine(folder, "key");

    /// <summary>The key.</summary>
    public byte[] Bytes { get; private set; } = RandomNumberGenerator.GetBytes(Positions.KeySize);

    /// <summary>Whether there was none.</summary>
    public bool IsNew { get; private set; } = true;

    /// <summary>Reads it, or keeps a new one.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public void Open()
    {
        if (File.Exists(_file) && File.ReadAllBytes(_file) is { Length: Positions.KeySize } kept)
        {
            (Bytes, IsNew) = (kept, false);
        }
        else
        {
            TryWrite();
        }
    }

    /// <summary>Keeps it again when somebody has deleted it.</summary>
    public void Keep()
    {
        if (!File.Exists(_file))
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
                output.Flush(flushToDisk: true);
            }

            File.Move(unfinished, _file, overwrite: true);
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            log.Often(LogLevel.Warning, "key not kept", $"{_file} cannot be written, so clients that come back after a restart will be told of a gap: {e.Message}");
        }
    }
}
