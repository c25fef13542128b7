using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SseListener.Tests.Support;

/// <summary>The program as it was built, in a process of its own.</summary>
internal sealed class BuiltProgram : IDisposable
{
    // A hub waits for its cluster, and the machine may be busy.
    private static readonly TimeSpan _longestStart = TimeSpan.FromMinutes(1);
    private readonly Process _process;
    private readonly Thread[] _readers;
    private readonly StringBuilder _errors = new();
    private readonly StringBuilder _output = new();

    private BuiltProgram(Process process)
    {
        // On threads of their own: .NET reads a pipe on a thread of the pool, which would be blocked for as long.
        _process = process;
        _readers = [new Thread(() => Read(process.StandardOutput, _output)), new Thread(() => Read(process.StandardError, _errors))];
        foreach (var reader in _readers)
        {
            reader.IsBackground = true;
            reader.Start();
        }
    }

    /// <summary>What it wrote to standard output.</summary>
    public string Output => Read(_output);

    /// <summary>The first line of that, which is where it answers.</summary>
    public string FirstLine => Output.Split('\n')[0];

    /// <summary>What it wrote to standard error.</summary>
    public string Errors => Read(_errors);

    /// <summary>Whether it has come to its end.</summary>
    public bool HasEnded => _process.HasExited;

    private bool Listens => Output.Contains('>', StringComparison.Ordinal);

    public static string File => Path.Combine(AppContext.BaseDirectory, "SseListener.dll");

    /// <summary>Starts it with these arguments, in an environment and a working directory of the test's choice.</summary>
    public static BuiltProgram Start(string arguments, string? directory = null, params (string Name, string Value)[] environment) =>
        Start(new ProcessStartInfo("dotnet", $"\"{File}\" {arguments}") { WorkingDirectory = directory ?? AppContext.BaseDirectory }, environment);

    /// <summary>Starts it so that signals reach it that a shell or nohup has ignored for the tests themselves.</summary>
    public static BuiltProgram Interruptible(string arguments) =>
        Execute("env", $"--default-signal=INT,QUIT,HUP dotnet \"{File}\" {arguments}", AppContext.BaseDirectory);

    /// <summary>Starts what a shell makes of this command.</summary>
    public static BuiltProgram Shell(string command) => Start(new ProcessStartInfo("bash", ["-c", command]), []);

    /// <summary>Starts another executable in its place.</summary>
    public static BuiltProgram Execute(string file, string arguments, string directory, params (string Name, string Value)[] environment) =>
        Start(new ProcessStartInfo(file, arguments) { WorkingDirectory = directory }, environment);

    private static BuiltProgram Start(ProcessStartInfo start, (string Name, string Value)[] environment)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;

        // Who wants a journal names its folder.
        start.Environment["SSE_DATA"] = "none";

        // It is started some hundred times, and compiling its hot code at once is more than half of a start: only when it is hot, as .NET
        // does by itself.
        start.Environment["DOTNET_TC_CallCountingDelayMs"] = "100";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        return new BuiltProgram(Process.Start(start)!);
    }

    /// <summary>Starts it on a free port and waits until it listens.</summary>
    public static Task<(BuiltProgram Program, int Port)> ListenAsync(string arguments = "") => ListenAsync(arguments, line => Start(line));

    /// <summary>The same, started in this way.</summary>
    public static async Task<(BuiltProgram Program, int Port)> ListenAsync(string arguments, Func<string, BuiltProgram> start)
    {
        while (true)
        {
            var port = TestServer.FreePort();
            var program = start($"--port {port} {arguments}");
            await Wait.UntilAsync(() => program.HasEnded || program.Listens, "it neither listens nor ends", _longestStart)
                .OrDisposeAsync(program);
            if (!program._process.HasExited)
                return (program, port);

            Assert.That(program.Errors, Does.Contain("in use"));
            program.Dispose();
        }
    }

    /// <summary>Starts it on the port of one that has ended, and waits until it listens.</summary>
    public static async Task<BuiltProgram> ListenAgainAsync(int port, string arguments)
    {
        var program = Start($"--port {port} {arguments}");
        await Wait.UntilAsync(() => program.Listens, "it does not listen", _longestStart).OrDisposeAsync(program);
        return program;
    }

    /// <summary>Publishes JSON to the one that listens on this port.</summary>
    public static async Task PublishAsync(int port, string json, string path = "/events")
    {
        using var http = new HttpClient { Timeout = Wait.Limit };
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"http://localhost:{port}{path}"), content);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Waits until one of these texts is in its log; fails with what is in it instead.</summary>
    public async Task LogsAsync(params string[] texts)
    {
        try
        {
            await Wait.UntilAsync(() => texts.Any(text => Errors.Contains(text, StringComparison.Ordinal)), "not logged");
        }
        catch (AssertionException)
        {
            Assert.Fail($"not logged: {string.Join(" or ", texts)}; but: {Errors}{(_process.HasExited ? $" exit code {_process.ExitCode}" : "")}");
        }
    }

    /// <summary>The processes that it has started and that have not ended.</summary>
    public int[] Children() =>
        [.. from folder in Directory.GetDirectories("/proc")
            let name = Path.GetFileName(folder)
            where name.All(char.IsAsciiDigit) && int.Parse(StatOf(folder)[1], CultureInfo.InvariantCulture) == _process.Id
            select int.Parse(name, CultureInfo.InvariantCulture)];

    /// <summary>How many of its threads have this name.</summary>
    public int Threads(string name) =>
        Directory.GetDirectories($"/proc/{_process.Id}/task").Count(task => NameOf(task) == name);

    /// <summary>What it holds of the machine.</summary>
    public Usage Usage() =>
        new(Directory.GetFileSystemEntries($"/proc/{_process.Id}/fd").Length, Status("Threads"), Status("VmRSS") * 1024L);

    /// <summary>Sends a signal such as TERM.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", string.Create(CultureInfo.InvariantCulture, $"-{name} {_process.Id}"));
        kill.WaitForExit();

        // On a busy machine other threads run on until the one that got the signal has its turn.
        Assert.That(SpinWait.SpinUntil(() => name != "STOP" || HasEnded || StatOf($"/proc/{_process.Id}")[0] == "T", Wait.Limit), Is.True, "it does not stop");
    }

    /// <summary>Sets its soft limit of a resource, as <c>prlimit</c> names it.</summary>
    public void Limit(string resource, string value)
    {
        using var prlimit = Process.Start("prlimit", string.Create(CultureInfo.InvariantCulture, $"--pid {_process.Id} --{resource}={value}:"));
        prlimit.WaitForExit();
        Assert.That(prlimit.ExitCode, Is.Zero);
    }

    /// <summary>Waits for its end and returns its exit code.</summary>
    public async Task<int> EndAsync(TimeSpan? limit = null)
    {
        using var end = new CancellationTokenSource(limit ?? Wait.Limit);
        await _process.WaitForExitAsync(end.Token);
        Assert.That(_readers.All(reader => reader.Join(Wait.Limit)), Is.True, "what it writes has no end");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static void Read(StreamReader from, StringBuilder to)
    {
        try
        {
            while (from.ReadLine() is { } line)
            {
                lock (to)
                    to.AppendLine(line);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
            return text.ToString().TrimEnd();
    }

    private static string? NameOf(string task)
    {
        try
        {
            return System.IO.File.ReadAllText(Path.Combine(task, "comm")).TrimEnd();
        }
        catch (IOException)
        {
            // It has ended.
            return null;
        }
    }

    // What stands in proc_pid_stat(5) behind the program's name, which stands in brackets: its state, its parent …
    private static string[] StatOf(string folder)
    {
        try
        {
            var stat = System.IO.File.ReadAllText(Path.Combine(folder, "stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return ["", "0"];
        }
    }

    private int Status(string field) => int.Parse(
        System.IO.File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith(field + ":", StringComparison.Ordinal)).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}

/// <summary>What a process holds of the machine.</summary>
/// <param name="Descriptors">How many are open.</param>
/// <param name="Threads">How many there are.</param>
/// <param name="Bytes">Of its memory that is resident.</param>
internal sealed record Usage(int Descriptors, int Threads, long Bytes);
