namespace SseListener.Log;

/// <summary>Standard output and error. The program goes on when one is closed, or on a full disk, or when its reader is gone.</summary>
internal static class StandardStreams
{
    private static readonly ForgivingWriter _output = new(WriterOf(IsInherited(1) ? Console.OpenStandardOutput() : Stream.Null));
    private static readonly ForgivingWriter _error = new(OpenError());

    public static bool IsOutputOpen { get; } = IsInherited(1);
    public static bool HasLostOutput => !IsOutputOpen || _output.HasLost;

    /// <summary>Makes the console never throw when it writes.</summary>
    public static void Forgive()
    {
        Console.SetOut(_output);
        Console.SetError(_error);
    }

    /// <summary>Whether text could not be written, also because of a bad descriptor (EBADF) or a file's limit (EFBIG).</summary>
    public static bool IsUnwritable(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or ObjectDisposedException;

    /// <summary>Standard error for the log, which counts the lines that it cannot write: a failure is an exception.</summary>
    public static TextWriter OpenError() => WriterOf(IsInherited(2) ? Console.OpenStandardError() : Stream.Null);

    private static StreamWriter WriterOf(Stream stream) => new(stream) { AutoFlush = true };

    // Whether the program was started with this descriptor. The runtime soon takes one that was closed for a pipe or a file of its own,
    // which is closed on exec; a descriptor that survived exec is not.
    private static bool IsInherited(int descriptor)
    {
        const int CloseOnExec = 0x80000;
        const string Flags = "flags:";
        try
        {
            return !OperatingSystem.IsLinux() || File.ReadLines($"/proc/self/fdinfo/{descriptor}").Any(line =>
                line.StartsWith(Flags, StringComparison.Ordinal) && (Convert.ToInt32(line[Flags.Length..].Trim(), 8) & CloseOnExec) == 0);
        }
        catch (IOException)
        {
            return false;
        }
    }

    // The console calls nothing else: TextWriter makes all other ways to write from these.
    private sealed class ForgivingWriter(TextWriter writer) : TextWriter
    {
        public bool HasLost { get; private set; }
        public override Encoding Encoding => writer.Encoding;

        public override void Write(char value) => Write(value.ToString());
        public override void WriteLine(string? value) => Write(value + NewLine);

        public override void Write(string? value)
        {
            try
            {
                writer.Write(value);
            }
            catch (Exception e) when (IsUnwritable(e))
            {
                HasLost = true;
            }
        }
    }
}
