using System.Runtime.InteropServices;
using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>A server that is measured: a process of this program, started and ended by the bench, or one that runs already.</summary>
internal sealed class Contender : IDisposable
{
    /// <summary>The variable that tells .NET to complete asynchronous receives on the thread that learns of them.</summary>
    public const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private const double Saturated = 0.95;

    private static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(10);

    // .NET 10 raises no ProcessExit for them.
    private static readonly PosixSignal[] _endingSignals = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];

    private readonly Lock _lock = new();
    private readonly DirectoryInfo? _folder;
    private readonly PosixSignalRegistration[] _signals = [];
    private readonly Process? _process;
    private bool _hasEnded;
    private long _started;
    private double? _cpuBefore;
    private TimeSpan _benchBefore;

    /// <summary>A server that runs already.</summary>
    public Contender(Target target) => Target = target;

    /// <summary>Starts this program.</summary>
    /// <param name="arguments">Its arguments, with {0} for its port and {1} for a temporary folder.</param>
    public Contender(string arguments)
    {
        var port = LoopbackPort.FindFree();
        Target = new Target($"http://127.0.0.1:{port}/events", token: null);
        _folder = arguments.Contains("{1}", StringComparison.Ordinal) ? Directory.CreateTempSubdirectory("sse-bench-") : null;
        _signals = [.. _endingSignals.Select(signal => PosixSignalRegistration.Create(signal, _ => End()))];
        var start = StartOf(string.Format(CultureInfo.InvariantCulture, arguments, port, _folder?.FullName));
        lock (_lock)
            _process = _hasEnded ? null : Process.Start(start);
    }

    public Target Target { get; }

    /// <summary>CPU time it has used since the clock was started, in seconds; null when it is not the bench's own process.</summary>
    public double? CpuSeconds => Refreshed()?.TotalProcessorTime.TotalSeconds - _cpuBefore;

    /// <summary>Memory it has in use, in bytes; null when it is not the bench's own process.</summary>
    public long? Memory => Refreshed()?.WorkingSet64;

    /// <summary>Waits until a process that the bench has started says that it listens.</summary>
    /// <exception cref="BenchException">It does not.</exception>
    public void WaitUntilListening()
    {
        // Not by connecting: HttpListener fails when a connection comes while it opens its port.
        if (_process?.StandardOutput.ReadLineAsync() is { } line && !(line.Wait(_startLimit) && line.Result is not null))
            throw new BenchException("A server for the comparison does not start.");
    }

    /// <summary>Measures from here on the time, and the CPU time of the server and of the bench.</summary>
    public void StartClock()
    {
        _started = Stopwatch.GetTimestamp();
        _cpuBefore = Refreshed()?.TotalProcessorTime.TotalSeconds;
        _benchBefore = Environment.CpuUsage.TotalTime;
    }

    /// <summary>Seconds on the clock at a timestamp of <see cref="Stopwatch"/>; never 0.</summary>
    public double SecondsUntil(long timestamp) => Math.Max(Stopwatch.GetElapsedTime(_started, timestamp).TotalSeconds, 1e-6);

    /// <summary>Whether, within these seconds, the bench took most of a machine that had nothing left.</summary>
    public bool IsSaturated(double seconds)
    {
        var (bench, server) = ((Environment.CpuUsage.TotalTime - _benchBefore).TotalSeconds, CpuSeconds ?? 0);
        return bench > server && bench + server > Saturated * seconds * Environment.ProcessorCount;
    }

    public void Dispose()
    {
        Array.ForEach(_signals, signal => signal.Dispose());
        End();
        _process?.Dispose();
    }

    // A signal to the bench may come here while the constructor starts the process, which then must not survive.
    private void End()
    {
        lock (_lock)
        {
            if (_hasEnded)
                return;

            _hasEnded = true;
            _process?.Kill();
            _process?.WaitForExit();
            _folder?.Delete(recursive: true);
        }
    }

    private Process? Refreshed()
    {
        _process?.Refresh();
        return _process?.HasExited == true ? throw new BenchException("A server for the comparison has gone.") : _process;
    }

    private static ProcessStartInfo StartOf(string arguments)
    {
        // Under dotnet the program is the first argument; published, it is the executable itself.
        var program = Environment.ProcessPath!;
        var assembly = Path.Combine(AppContext.BaseDirectory, typeof(Contender).Assembly.GetName().Name + ".dll");
        var isDotnet = Path.GetFileNameWithoutExtension(program) == "dotnet";
        var start = new ProcessStartInfo(program, isDotnet ? $"\"{assembly}\" {arguments}" : arguments) { RedirectStandardOutput = true };

        // What is set for the user's own server, or for the bench, is not for this one.
        bool IsOthers(string name) => name.StartsWith("SSE_", StringComparison.Ordinal) || name == InlineCompletions;
        start.Environment.Keys.Where(IsOthers).ToList().ForEach(name => start.Environment.Remove(name));
        return start;
    }
}
