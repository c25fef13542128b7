using System.Text.RegularExpressions;
using System.Threading.Channels;

namespace SseListener.Log;

/// <summary>
/// How much is logged: this level and those after it. At debug also the headers of requests, publishes, and what is only interesting when
/// something is wrong; at info clients that come and go, and refusals. A warning is for some day, an error for now.
/// </summary>
internal enum LogLevel { Debug, Info, Warning, Error }

/// <summary>How lines are written: for people, or for programs as JSON objects, with a member <c>kind</c> where a line has one.</summary>
internal enum LogFormat { Text, Json }

/// <summary>
/// Logs in lines. They are written by a thread of their own and dropped, with a count, when that falls behind: a terminal or pipe that
/// nobody reads must not stop the server.
/// </summary>
internal sealed partial class LogWriter : IDisposable
{
    private const int Backlog = 10_000;

    // Lines that wait are memory, and a request may bring a long one along.
    private const int LongestLine = 2000;

    // Of one length, so that messages stand below each other.
    private static readonly string[] _columns = ["debug", "info ", "warn ", "error"];

    // With synchronous continuations a writer wakes the log's thread itself, without the pool: the line may say that the pool is stuck.
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

    /// <summary>A log of lines of at least this level, and of at most <paramref name="repeats"/> of a kind a minute.</summary>
    public LogWriter(TextWriter output, LogLevel level, LogFormat format = LogFormat.Text, int repeats = int.MaxValue)
    {
        _output = output;
        (_level, _format, _repeats) = (level, format, new LogRepeats(repeats));
        _minutes = new Timer(_ => Summarize(), state: null, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        _writer = new Thread(WriteLines) { Name = "log", IsBackground = true };
        _writer.Start();
    }

    /// <summary>Whether lines of this level are written: ask where making the text costs something.</summary>
    public bool Writes(LogLevel level) => level >= _level;

    public void Debug(string text) => Write(LogLevel.Debug, text);
    public void Info(string text) => Write(LogLevel.Info, text);
    public void Warning(string text) => Write(LogLevel.Warning, text);
    public void Error(string text) => Write(LogLevel.Error, text);

    /// <summary>Logs a line of a kind that may be frequent: beyond some a minute they are only counted, except at level debug.</summary>
    public void Often(LogLevel level, string kind, string text)
    {
        if (Writes(level) && (Writes(LogLevel.Debug) || _repeats.MayWrite(level, kind)))
            Write(level, text, kind);
    }

    /// <summary>Writes what is still waiting, for at most half a second.</summary>
    public void Dispose()
    {
        _minutes.Dispose();
        Summarize();
        _lines.Writer.TryComplete();
        _writer.Join(TimeSpan.FromMilliseconds(500));
    }

    /// <summary>Escapes control characters: foreign text must not forge a line or drive a terminal.</summary>
    public static string OneLine(string text) => ControlCharacter().Replace(text, found => $"\\u{(int)found.Value[0]:x4}");

    private void Write(LogLevel level, string text, string? kind = null)
    {
        if (!Writes(level))
            return;

        var message = text.Length <= LongestLine ? text : text[..LongestLine] + "…";
        if (!_lines.Writer.TryWrite(LineOf(level, kind, message)))
            Interlocked.Increment(ref _dropped);
    }

    private string LineOf(LogLevel level, string? kind, string message)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        if (_format is LogFormat.Text)
            return $"{time} {_columns[(int)level]} {OneLine(message)}";

        // JSON allows control characters that a terminal would obey.
        var name = level.ToString().ToLowerInvariant();
        var member = kind is null ? "" : $",\"kind\":{JsonText.Quote(kind)}";
        return OneLine($$"""{"time":"{{time}}","level":"{{name}}"{{member}},"message":{{JsonText.Quote(message)}}}""");
    }

    private void Summarize()
    {
        foreach (var (level, kind, lines) in _repeats.BeginMinute())
            Write(level, $"{kind}: {lines} more of these within a minute", kind);
    }

    private void WriteLines()
    {
        while (_lines.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_lines.Reader.TryRead(out var line))
                Interlocked.Add(ref _dropped, TryWriteLine(line) ? 0 : 1);

            var dropped = Interlocked.Exchange(ref _dropped, 0);
            var summary = $"{dropped} lines were dropped: the log could not be written, or was read too slowly";
            if (dropped > 0 && !TryWriteLine(LineOf(LogLevel.Warning, kind: null, summary)))
                Interlocked.Add(ref _dropped, dropped);
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

    [GeneratedRegex(@"\p{Cc}")]
    private static partial Regex ControlCharacter();
}

/// <summary>
/// Keeps lines of one kind from flooding the log: the first ones of a minute are written, the others only counted. A kind is a word of
/// the program, never of a request, so there are few. Any thread may use it.
/// </summary>
internal sealed class LogRepeats(int most)
{
    private readonly ConcurrentDictionary<(LogLevel Level, string Kind), int> _lines = new();

    public bool MayWrite(LogLevel level, string kind) => _lines.AddOrUpdate((level, kind), 1, static (_, lines) => lines + 1) <= most;

    /// <summary>Begins another minute, and returns how many lines were not written in the last one.</summary>
    public IEnumerable<(LogLevel Level, string Kind, int Lines)> BeginMinute() =>
        from key in _lines.Keys
        let lines = _lines.TryRemove(key, out var count) ? count : 0
        where lines > most
        select (key.Level, key.Kind, lines - most);
}
