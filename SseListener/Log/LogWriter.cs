using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace SseListener.Log;

/// <summary>How much is logged: this level and those after it.</summary>
internal enum LogLevel
{
    /// <summary>Also the headers of requests, publishes, and what is only interesting when something is wrong.</summary>
    Debug,

    /// <summary>Clients coming and going, and refusals.</summary>
    Info,

    /// <summary>What somebody should look at some day.</summary>
    Warning,

    /// <summary>What somebody should look at now.</summary>
    Error,
}

/// <summary>
/// One line an event: time, level, what. Lines are written by a thread of their own and dropped, with a count, when that
/// falls behind: a terminal or pipe that nobody reads must not stop the server.
/// </summary>
internal sealed class LogWriter : IDisposable
{
    private const int Backlog = 10_000;

    // Lines that wait are memory, and requests may bring long ones along.
    private const int LongestLine = 2000;
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _lastWords = TimeSpan.FromMilliseconds(500);

    // Synchronous continuations: whoever writes wakes the log's thread himself. Otherwise the thread pool would have to, and what is to
    // be logged may be that the pool is stuck.
    private readonly Channel<string> _lines =
        Channel.CreateBounded<string>(new BoundedChannelOptions(Backlog) { SingleReader = true, AllowSynchronousContinuations = true });

    [SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Standard error is not ours to close.")]
    private readonly TextWriter _output;

    private readonly LogLevel _level;
    private readonly LogFormat _format;
    private readonly LogRepeats _repeats;
    private readonly Timer _minutes;
    private readonly Thread _writer;
    private long _dropped;

    /// <summary>A log that writes lines of at least <paramref name="level"/> to <paramref name="output"/>.</summary>
    /// <param name="output">Takes the lines.</param>
    /// <param name="level">The least level.</param>
    /// <param name="format">How they are written.</param>
    /// <param name="repeats">How many lines of one kind are written in a minute.</param>
    public LogWriter(TextWriter output, LogLevel level, LogFormat format = LogFormat.Text, int repeats = int.MaxValue)
    {
        _output = output;
        _level = level;
        _format = format;
        _repeats = new LogRepeats(repeats);
        _minutes = new Timer(_ => Summarize(), state: null, _minute, _minute);
        _writer = new Thread(WriteLines) { Name = "log", IsBackground = true };
        _writer.Start();
    }

    /// <summary>Whether lines of this level are written; to be asked where making the text costs something.</summary>
    public bool Writes(LogLevel level) => level >= _level;

    /// <summary>Logs at level <see cref="LogLevel.Debug"/>.</summary>
    public void Debug(string text) => Write(LogLevel.Debug, text);

    /// <summary>Logs at level <see cref="LogLevel.Info"/>.</summary>
    public void Info(string text) => Write(LogLevel.Info, text);

    /// <summary>Logs at level <see cref="LogLevel.Warning"/>.</summary>
    public void Warning(string text) => Write(LogLevel.Warning, text);

    /// <summary>Logs at level <see cref="LogLevel.Error"/>.</summary>
    public void Error(string text) => Write(LogLevel.Error, text);

    /// <summary>Logs one of what there may be many of; beyond some of them they are only counted, except at level debug.</summary>
    /// <param name="level">The line's level.</param>
    /// <param name="kind">What it is one of: a few words of the program's own.</param>
    /// <param name="text">The line.</param>
    public void Often(LogLevel level, string kind, string text)
    {
        if (Writes(level) && (Writes(LogLevel.Debug) || _repeats.MayWrite(level, kind)))
        {
            Write(level, text, kind);
        }
    }

    private void Write(LogLevel level, string text, string? kind = null)
    {
        if (!Writes(level))
        {
            return;
        }

        var message = text.Length <= LongestLine ? text : text[..LongestLine] + "…";
        if (!_lines.Writer.TryWrite(LogLine.Write(_format, level, kind, message)))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Writes what is still waiting, for at most half a second.</summary>
    public void Dispose()
    {
        _minutes.Dispose();
        Summarize();
        _lines.Writer.TryComplete();
        _writer.Join(_lastWords);
    }

    /// <summary>
    /// <paramref name="text"/> with its control characters escaped: what others bring along must not forge a line or drive a
    /// terminal.
    /// </summary>
    public static string OneLine(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            _ = char.IsControl(c) ? escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : escaped.Append(c);
        }

        return escaped.ToString();
    }

    private void Summarize()
    {
        foreach (var (level, kind, lines) in _repeats.Take())
        {
            Write(level, $"{kind}: {lines} more of these within a minute", kind);
        }
    }

    private void WriteLines()
    {
        while (_lines.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_lines.Reader.TryRead(out var line))
            {
                if (!TryWriteLine(line))
                {
                    Interlocked.Increment(ref _dropped);
                }
            }

            if (Interlocked.Exchange(ref _dropped, 0) is var dropped and > 0
                && !TryWriteLine(LogLine.Write(_format, LogLevel.Warning, kind: null, $"{dropped} lines were dropped: the log could not be written, or was read too slowly")))
            {
                Interlocked.Add(ref _dropped, dropped);
            }
        }
    }

    private bool TryWriteLine(string line)
    {
        try
        {
            _output.WriteLine(line);
            return true;
        }
        catch (Exception e) when (StandardStreams.IsUnwritable(e))
        {
            // The server goes on without; a full disk may have room again later.
            return false;
        }
    }
}
