using System.Text;

namespace SseListener.Log;

/// <summary>
/// Standard output and standard error. Either may be closed, on a full disk, or a pipe or terminal that is gone: the program goes on without it.
/// </summary>
internal static class StandardStreams
{
    private const int Output = 1;
    private const int Error = 2;

    private static readonly ForgivingWriter _output = new(OpenOutput());
    private static readonly ForgivingWriter _error = new(OpenError());

    /// <summary>Whether standard output is open.</summary>
    public static bool IsOutputOpen { get; } = IsInherited(Output);

    /// <summary>Whether something that was written to standard output has not arrived there.</summary>
    public static bool HasLostOutput => !IsOutputOpen || _output.HasLost;

    /// <summary>Has the console write without ever throwing.</summary>
    public static void Forgive()
    {
        Console.SetOut(_output);
        Console.SetError(_error);
    }

    /// <summary>Whether an exception says that a text could not be written: also a bad descriptor (EBADF) and a file that is too large (EFBIG) do.</summary>
    public static bool IsUnwritable(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or ObjectDisposedException;

    /// <summary>Standard error for the log, which counts the lines that it cannot write: this one throws what <see cref="IsUnwritable"/> knows.</summary>
    public static TextWriter OpenError() => WriterOf(IsInherited(Error) ? Console.OpenStandardError() : Stream.Null);

    private static StreamWriter OpenOutput() => WriterOf(IsInherited(Output) ? Console.OpenStandardOutput() : Stream.Null);

    private static StreamWriter WriterOf(Stream stream) => new(stream) { AutoFlush = true };

    // Whether a descriptor was handed over to the program when it started. One that was closed then, such as that of standard error, is soon
    // the runtime's: its pipe, a file, somebody's connection. Those are closed on exec, and what survived exec is not.
    private static bool IsInherited(int descriptor)
    {
        const int CloseOnExec = 0x80000;
        try
        {
            var line = OperatingSystem.IsLinux() ? File.ReadLines($"/proc/self/fdinfo/{descriptor}").First(line => line.StartsWith("flags:", StringComparison.Ordinal)) : "0";
            return (Convert.ToInt32(line["flags:".Length..].Trim(), 8) & CloseOnExec) == 0;
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

        public override void Write(char value) => Write([value], 0, 1);

        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

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
