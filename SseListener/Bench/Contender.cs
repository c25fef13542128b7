using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>A server that is measured: a process of this program, started and ended by the bench, or one that runs already.</summary>
internal sealed class Contender : IDisposable
{
    /// <summary>The variable that tells .NET where the completion of an asynchronous receive runs.</summary>
    public const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    // .NET 10 raises no ProcessExit for them.
    private static readonly PosixSignal[] _ends = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];
    private static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Process? _process;
    private readonly string? _folder;
    private readonly List<PosixSignalRegistration> _signals;
    private bool _hasEnded;

    private Contender(Target target, ProcessStartInfo? start, string? folder)
    {
        Target = target;
        _folder = folder;
        _signals = start is null ? [] : [.. _ends.Select(signal => PosixSignalRegistration.Create(signal, _ => End()))];
        lock (_lock)
        {
            _process = start is null || _hasEnded ? null : Process.Start(start);
        }
    }

    /// <summary>Where it listens.</summary>
    public Target Target { get; }

    /// <summary>CPU time it has used, in seconds; null when it is not the bench's own process.</summary>
    public double? CpuSeconds => _process is null ? null : Look(_process).TotalProcessorTime.TotalSeconds;

    /// <summary>Memory it has in use, in bytes; null when it is not the bench's own process.</summary>
    public long? Memory => _process is null ? null : Look(_process).WorkingSet64;

    /// <summary>A server that runs already.</summary>
    public static Contender Running(string url, string? token) => new(new Target(url, token), start: null, folder: null);

    /// <summary>Starts this program with other arguments and waits until it listens.</summary>
    /// <param name="arguments">What to start it with; {0} is replaced by its port, {1} by a folder of its own.</param>
    /// <exception cref="BenchException">It does not listen.</exception>
    public static Contender Start(string arguments)
    {
        var port = LoopbackPort.FindFree();
        var folder = arguments.Contains("{1}", StringComparison.Ordinal) ? Directory.CreateTempSubdirectory("sse-bench-").FullName : null;
        var line = string.Format(CultureInfo.InvariantCulture, arguments, port, folder);
        var start = new ProcessStartInfo(Environment.ProcessPath!, $"{Assembly()}{line}") { RedirectStandardOutput = true };
        foreach (var variable in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(name => name.StartsWith("SSE_", StringComparison.Ordinal)))
        {
            // What the user's own server is told is not for this one.
            start.Environment.Remove(variable);
        }

        start.Environment.Remove(InlineCompletions);
        var contender = new Contender(new Target($"http://127.0.0.1:{port}/events", token: null), start, folder);
        try
        {
            contender.WaitUntilListening();
            return contender;
        }
        catch
        {
            contender.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.ForEach(signal => signal.Dispose());
        End();
        _process?.Dispose();
    }

    // Also when the bench is ended by a signal, and then nothing is to be started any more.
    private void End()
    {
        lock (_lock)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
            _process?.Kill();
            _process?.WaitForExit();
            if (_folder is not null)
            {
                Directory.Delete(_folder, recursive: true);
            }
        }
    }

    // Each says so in a line. Not by connecting to it: HttpListener falls over a connection that comes while it is opening its port.
    private void WaitUntilListening()
    {
        var line = _process?.StandardOutput.ReadLineAsync();
        if (line is null || !line.Wait(_startLimit) || line.Result is null)
        {
            throw new BenchException("A server for the comparison does not start.");
        }
    }

    // Under dotnet the program is the first argument; published, it is the executable itself.
    private static string Assembly() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? $"\"{Path.Combine(AppContext.BaseDirectory, typeof(Contender).Assembly.GetName().Name + ".dll")}\" " : "";

    private static Process Look(Process process)
    {
        process.Refresh();
        return process.HasExited ? throw new BenchException("A server for the comparison has gone.") : process;
    }
}
