using System.Diagnostics;
using SseListener.Http;

namespace SseListener.Bench;

/// <summary>A server that is measured: a process of this program, started and ended by the bench, or one that runs already.</summary>
internal sealed class Contender : IDisposable
{
    /// <summary>The variable that tells .NET where the completion of an asynchronous receive runs.</summary>
    public const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(10);

    private readonly Process? _process;
    private readonly string? _folder;

    private Contender(Target target, Process? process, string? folder)
    {
        Target = target;
        _process = process;
        _folder = folder;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>Where it listens.</summary>
    public Target Target { get; }

    /// <summary>CPU time it has used, in seconds; null when it is not the bench's own process.</summary>
    public double? CpuSeconds => _process is null ? null : Look(_process).TotalProcessorTime.TotalSeconds;

    /// <summary>Memory it has in use, in bytes; null when it is not the bench's own process.</summary>
    public long? Memory => _process is null ? null : Look(_process).WorkingSet64;

    /// <summary>A server that runs already.</summary>
    public static Contender Running(string url, string? token) => new(new Target(url, token), process: null, folder: null);

    /// <summary>Starts this program with other arguments and waits until it listens.</summary>
    /// <param name="arguments">What to start it with; {0} is replaced by its port, {1} by a folder of its own.</param>
    /// <exception cref="BenchException">It does not listen.</exception>
    public static Contender Start(string arguments)
    {
        var port = LoopbackPort.FindFree();
        var folder = arguments.Contains("{1}", StringComparison.Ordinal) ? Directory.CreateTempSubdirectory("sse-bench-").FullName : null;
        var line = string.Format(Units.Culture, arguments, port, folder);
        var start = new ProcessStartInfo(Environment.ProcessPath!, $"{Assembly()}{line}") { RedirectStandardOutput = true };
        foreach (var variable in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(name => name.StartsWith("SSE_", StringComparison.Ordinal)))
        {
            // What the user's own server is told is not for this one.
            start.Environment.Remove(variable);
        }

        start.Environment.Remove(InlineCompletions);
        var process = Process.Start(start)!;
        var target = new Target($"http://127.0.0.1:{port}/events", token: null);
        var contender = new Contender(target, process, folder);
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
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        if (_process is null)
        {
            return;
        }

        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    // Also when the bench is ended by a signal.
    private void OnExit(object? sender, EventArgs e) => Dispose();

    // Each says so in a line. Not by connecting to it: HttpListener falls over a connection that comes while it is opening its port.
    private void WaitUntilListening()
    {
        var line = _process!.StandardOutput.ReadLineAsync();
        if (!line.Wait(_startLimit) || line.Result is null)
        {
            throw new BenchException("A server for the comparison does not start.");
        }
    }

    // Under dotnet the program is the first argument; published, it is the executable itself.
    private static string Assembly() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? $"\"{typeof(Contender).Assembly.Location}\" " : "";

    private static Process Look(Process process)
    {
        process.Refresh();
        return process;
    }
}
