using System.CommandLine;
using System.Runtime.InteropServices;
using SseListener.Bench;
using SseListener.Cli;
using SseListener.Http;
using SseListener.Log;
using SseListener.Runtime;
using SseListener.Verbs;

StandardStreams.Forgive();
Command[] verbs = [TailCommand.Create(), PubCommand.Create(), TokenCommand.Create(), HealthCommand.Create(), .. BenchCommand.Create()];
var exitCode = CommandLine.Read(args, verbs, Environment.GetEnvironmentVariable, out var options);
if (options is null)
    return exitCode == 0 && StandardStreams.HasLostOutput ? 1 : exitCode;

if (!StaticFiles.TryFindFolder(options.Public, out var pages, out var problem))
    return Remote.Fail(1, problem);

// The first signal asks the program to stop, which it does in order; a second one ends it at once. Only a hangup never does: a terminal
// that closes sends it twice, and systemd may send it right behind SIGTERM.
var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
void OnSignal(PosixSignalContext signal) => signal.Cancel = stop.TrySetResult() || signal.Signal is PosixSignal.SIGHUP;
PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP];

// Never disposed: also the second hangup must not end the program, however late it comes.
var registrations = signals.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)).ToList();

// Where files may not grow further (ulimit -f), a write fails like on a full disk, and does not end the process. SIGXFSZ has no name here.
using var tooLarge = PosixSignalRegistration.Create((PosixSignal)25, static signal => signal.Cancel = true);

// A part that fails for want of memory is missing from then on, and the server might answer nobody any more. So it ends, and its
// supervisor starts it again.
AppDomain.CurrentDomain.FirstChanceException += (_, thrown) =>
{
    if (thrown.Exception is OutOfMemoryException)
        Environment.FailFast("The memory is used up: --history, --max-publish-bytes and --max-answer-bytes say how much of it is taken.");
};

PoolThreads.Prepare(options);
await WarmUp.RunAsync(options);
using var log = new LogWriter(StandardStreams.OpenError(), options.LogLevel, options.LogFormat, options.LogRepeats);
await using var server = new SseServer(options, pages, log);
using var trim = new HeapTrim(() => server.Activity);
var start = Task.Run(() => server.TryStart(out var trouble) ? null : trouble);
if (await Task.WhenAny(start, stop.Task) != start)
{
    // A start may wait for a cluster, or read a long history back. Nothing has been accepted yet that an end in order would save.
    log.Dispose();
    Environment.Exit(0);
}

if (await start is { } failure)
    return Remote.Fail(1, failure);

trim.Start();
Console.WriteLine(Introduction.Of(options, server.Access));
await Task.WhenAny(stop.Task, server.Running);
if (server.Running.IsFaulted)
{
    log.Error($"the server cannot go on: {server.Running.Exception}");
    return 1;
}

log.Info("stopping");
await server.StopAsync();
GC.KeepAlive(registrations);
return 0;
