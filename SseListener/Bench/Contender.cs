using System.Runtime.InteropServices;
using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>A server that the bench starts: this program with these arguments, and a free port behind them.</summary>
/// <param name="Name">What the tables call it.</param>
/// <param name="Arguments">All of its arguments but the port, and those for the cluster.</param>
/// <param name="Nodes">NATS servers that are started too, and whose log the hub has; 0 for a server that stands alone.</param>
/// <param name="IsPair">Whether two such hubs are started; they share the log of the NATS servers.</param>
internal sealed record Server(string Name, string Arguments, int Nodes = 0, bool IsPair = false);

/// <summary>A server that is measured: processes of the bench, started and ended by it, or one that runs already.</summary>
internal sealed class Contender : IDisposable
{
    /// <summary>The variable that tells .NET to complete asynchronous receives on the thread that learns of them.</summary>
    public const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    // More than a hub waits for its cluster.
    private static readonly TimeSpan _longestStart = TimeSpan.FromSeconds(20);
    private const int MostStarts = 3;

    private readonly Lock _lock = new();
    private readonly List<ProcessStartInfo> _starts = [];
    private readonly List<Process> _processes = [];
    private readonly PosixSignalRegistration[] _signals = [];
    private bool _hasEnded;
    private volatile bool _isSignalled;
    private long _started;
    private double? _cpuBefore;

    public Contender(Target target) => (Target, Other) = (target, target);

    private Contender(Server server)
    {
        var nodes = NatsNodes.Starts(server.Nodes, out var addresses);
        _starts.AddRange(nodes);
        var arguments = nodes.Count == 0 ? server.Arguments : $"--cluster {addresses} --cluster-replicas {nodes.Count} {server.Arguments}";
        Target = AddHub(arguments);
        Other = server.IsPair ? AddHub(arguments) : Target;

        // .NET 10 raises no ProcessExit for these signals.
        PosixSignal[] endings = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];
        _signals = [.. endings.Select(signal => PosixSignalRegistration.Create(signal, _ => EndBySignal()))];
    }

    public Target Target { get; }

    /// <summary>Another hub that shares the log; the same one where there is only one.</summary>
    public Target Other { get; }

    /// <summary>
    /// CPU time that all its processes have used since the clock was started, in seconds; null when they are not the bench's own.
    /// </summary>
    public double? CpuSeconds => CpuTime - _cpuBefore;

    /// <summary>Memory that all its processes have in use, in bytes; null when they are not the bench's own.</summary>
    public long? Memory => Sum(process => process.WorkingSet64);

    private double? CpuTime => Sum(process => process.TotalProcessorTime.Ticks) / (double)TimeSpan.TicksPerSecond;

    /// <summary>Starts the server and what it needs, each in its temporary folder, and waits until the hubs say that they listen.</summary>
    /// <exception cref="BenchException">They do not.</exception>
    public static Contender Start(Server server)
    {
        // A port that was free may have been taken before it is opened. Others are tried then.
        for (var start = 1; ; start++)
        {
            var contender = new Contender(server);
            try
            {
                contender.Start();
                return contender;
            }
            catch (Exception e)
            {
                contender.Dispose();
                if (e is not BenchException || start == MostStarts)
                    throw;
            }
        }
    }

    /// <summary>Measures from here on the time, and the CPU time of the server.</summary>
    public void StartClock()
    {
        _started = Stopwatch.GetTimestamp();
        _cpuBefore = CpuTime;
    }

    /// <summary>Seconds on the clock at a timestamp of <see cref="Stopwatch"/>; never 0.</summary>
    public double SecondsUntil(long timestamp) => Math.Max(Stopwatch.GetElapsedTime(_started, timestamp).TotalSeconds, 1e-6);

    public void Dispose()
    {
        // The signal ends the process, not what fails because its servers have ended.
        if (_isSignalled)
            Thread.Sleep(Timeout.Infinite);

        Array.ForEach(_signals, signal => signal.Dispose());
        End();
        _processes.ForEach(process => process.Dispose());
    }

    private void Start()
    {
        foreach (var start in _starts)
        {
            // A signal to the bench may come meanwhile, and no process must survive it.
            lock (_lock)
            {
                if (!_hasEnded)
                    _processes.Add(Process.Start(start)!);
            }
        }

        // Not by connecting: HttpListener fails when a connection comes while it opens its port.
        foreach (var hub in _processes.Where(process => process.StartInfo.RedirectStandardOutput))
        {
            var line = hub.StandardOutput.ReadLineAsync();
            if (!line.Wait(_longestStart) || line.Result is null)
                throw new BenchException($"A server for the comparison does not start: {hub.StartInfo.Arguments}");
        }
    }

    private void EndBySignal()
    {
        _isSignalled = true;
        End();
    }

    private void End()
    {
        lock (_lock)
        {
            if (_hasEnded)
                return;

            _hasEnded = true;
            _processes.ForEach(process => process.Kill());
            _processes.ForEach(process => process.WaitForExit());
            _starts.ForEach(start => Directory.Delete(start.WorkingDirectory, recursive: true));
        }
    }

    private long? Sum(Func<Process, long> value) => _processes.Count == 0 ? null : _processes.Sum(process =>
    {
        process.Refresh();
        return process.HasExited
            ? throw new BenchException($"A server for the comparison has gone: {process.StartInfo.Arguments}")
            : value(process);
    });

    private Target AddHub(string arguments)
    {
        var port = ListeningPorts.FindFree();
        _starts.Add(StartOf($"{arguments} {port}"));
        return new Target($"http://127.0.0.1:{port}/events");
    }

    private static ProcessStartInfo StartOf(string arguments)
    {
        // Under dotnet the program is the first argument; published, it is the executable itself.
        var program = Environment.ProcessPath!;
        var assembly = Path.Combine(AppContext.BaseDirectory, typeof(Contender).Assembly.GetName().Name + ".dll");
        var start = new ProcessStartInfo(program)
        {
            Arguments = Path.GetFileNameWithoutExtension(program) == "dotnet" ? $"\"{assembly}\" {arguments}" : arguments,
            RedirectStandardOutput = true,
            WorkingDirectory = Directory.CreateTempSubdirectory("sse-bench-").FullName,
        };

        // What is set for the user's own server, or for the bench, is not for this one.
        bool IsOthers(string name) => name.StartsWith("SSE_", StringComparison.Ordinal) || name == InlineCompletions;
        start.Environment.Keys.Where(IsOthers).ToList().ForEach(name => start.Environment.Remove(name));
        return start;
    }
}
