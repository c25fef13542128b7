using System.CommandLine;
using System.Net.ServerSentEvents;
using Microsoft.Win32.SafeHandles;
using SseListener.Cli;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary><c>tail URL</c>: prints a stream's events as they come.</summary>
internal static class TailCommand
{
    // EPIPE of Linux, macOS and the BSDs.
    private const int BrokenPipe = 32;

    private static readonly Argument<string> _url = new("URL")
    {
        Description = "the stream, such as localhost:3000 or http://localhost:3000/events?channel=orders; any SSE server's will do",
    };

    private static readonly Option<bool> _json =
        new("--json") { Description = "print a JSON object for each event: type, id, data", Arity = ArgumentArity.Zero };

    private static readonly Option<string?> _from =
        new("--from") { Description = "begin behind the event with this id, or with all that is kept: earliest", HelpName = "ID" };

    private static readonly Option<string?> _token = Remote.TokenOption("bearer token, if the channel is private");

    public static Command Create()
    {
        var tail = new Command("tail", "Print the events of a stream as they come.")
        {
            _url, _json, _from, _token,
        };
        tail.SetAction(RunAsync);
        return tail;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken interrupted)
    {
        if (!Remote.TryReadUrl(parsed.GetValue(_url)!, out var url, out var problem)
            || !Remote.TryReadToken(parsed.GetValue(_token), out var token, out problem))
        {
            return Remote.Fail(CommandLine.UsageError, problem);
        }

        if (!StandardStreams.IsOutputOpen)
            return Remote.Fail(1, "cannot print: standard output is closed");

        using var stream = new ReopeningStream(url, token, parsed.GetValue(_from), Console.Error.WriteLine);
        return await PrintAsync(stream, parsed.GetValue(_json) ? JsonOf : TextOf, interrupted);
    }

    private static async Task<int> PrintAsync(ReopeningStream stream, Func<SseItem<string>, string> format, CancellationToken interrupted)
    {
        using var descriptor = new SafeFileHandle(1, ownsHandle: false);
        await using var output = new StreamWriter(OpenOutput(descriptor)) { NewLine = "\n" };
        try
        {
            await foreach (var sseEvent in stream.ReadAsync(interrupted))
            {
                await output.WriteLineAsync(format(sseEvent));
                await output.FlushAsync(interrupted);
            }

            return stream.IsRefused ? 1 : 0;
        }
        catch (Exception e) when (e is OperationCanceledException ? interrupted.IsCancellationRequested : e.HResult == BrokenPipe)
        {
            // Ctrl+C is how one stops watching; and nobody may read any more what is printed.
            return 0;
        }
        catch (Exception e) when (StandardStreams.IsUnwritable(e))
        {
            return Remote.Fail(1, $"cannot print: {e.Message}");
        }
    }

    // Unlike the console's stream, a stream of our own tells when the reader has gone (tail … | head). But in a file, which nobody reads
    // along, it would overwrite what others write there.
    private static Stream OpenOutput(SafeFileHandle descriptor)
    {
        var output = new FileStream(descriptor, FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? Console.OpenStandardOutput() : output;
    }

    // Further lines of the data are indented, and what a terminal would obey is escaped.
    private static string TextOf(SseItem<string> sseEvent)
    {
        var id = string.IsNullOrEmpty(sseEvent.EventId) ? "-" : sseEvent.EventId;
        var data = sseEvent.Data.Split('\n').Select(LogWriter.OneLine);
        return $"{LogWriter.OneLine(sseEvent.EventType)} {LogWriter.OneLine(id)} {string.Join("\n  ", data)}";
    }

    private static string JsonOf(SseItem<string> sseEvent)
    {
        var id = string.IsNullOrEmpty(sseEvent.EventId) ? "null" : JsonText.Quote(sseEvent.EventId);
        return $$"""{"type":{{JsonText.Quote(sseEvent.EventType)}},"id":{{id}},"data":{{JsonText.Quote(sseEvent.Data)}}}""";
    }
}
