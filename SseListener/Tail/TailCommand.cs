using System.CommandLine;
using Microsoft.Win32.SafeHandles;
using SseListener.Cli;
using SseListener.Log;

namespace SseListener.Tail;

/// <summary><c>tail URL</c>: prints a stream's events as they come.</summary>
internal static class TailCommand
{
    // EPIPE of Linux, macOS and the BSDs.
    private const int BrokenPipe = 32;

    private static readonly Argument<string> _url = new("URL") { Description = "the stream, such as http://localhost:3000/events?channel=orders; any SSE server's will do" };
    private static readonly Option<bool> _json = new("--json") { Description = "print a JSON object for each event: type, id, data" };
    private static readonly Option<string?> _from = new("--from") { Description = "begin behind the event with this id, or with all that is kept: earliest", HelpName = "earliest" };
    private static readonly Option<string?> _token = new("--token") { Description = "bearer token, if the channel is private [SSE_TOKEN]", HelpName = "TOKEN" };

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var tail = new Command("tail", "Print the events of a stream as they come, and come back when it breaks off.") { _url, _json, _from, _token };
        tail.SetAction(RunAsync);
        return tail;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken interrupted)
    {
        if (!Uri.TryCreate(parsed.GetValue(_url), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            await Console.Error.WriteLineAsync(LogWriter.OneLine($"'{parsed.GetValue(_url)}' is no http or https URL."));
            return CommandLine.UsageError;
        }

        if (!StandardStreams.IsOutputOpen)
        {
            await Console.Error.WriteLineAsync("cannot print: standard output is closed");
            return 1;
        }

        using var descriptor = new SafeFileHandle(1, ownsHandle: false);
        await using var output = new StreamWriter(OpenOutput(descriptor)) { NewLine = "\n" };
        var set = Environment.GetEnvironmentVariable("SSE_TOKEN");
        var token = (parsed.GetValue(_token) ?? (set is "" ? null : set))?.Trim();
        if (token is not null && !Units.TryToken(token, out _, out var expected))
        {
            await Console.Error.WriteLineAsync($"The token is {expected}.");
            return CommandLine.UsageError;
        }

        using var stream = new ReopeningStream(url, token, parsed.GetValue(_from), Console.Error.WriteLine);
        try
        {
            await foreach (var sseEvent in stream.ReadAsync(interrupted))
            {
                await output.WriteLineAsync(parsed.GetValue(_json) ? EventLine.Json(sseEvent) : EventLine.Text(sseEvent));
                await output.FlushAsync(interrupted);
            }

            return stream.IsRefused ? 1 : 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            // Ctrl+C is how one stops watching.
            return 0;
        }
        catch (IOException e) when (e.HResult == BrokenPipe)
        {
            // Nobody reads what is printed any more.
            return 0;
        }
        catch (Exception e) when (StandardStreams.IsUnwritable(e))
        {
            await Console.Error.WriteLineAsync(LogWriter.OneLine($"cannot print: {e.Message}"));
            return 1;
        }
    }

    // The console's stream does not say when whoever reads the output has gone (tail … | head). Into a file, which nobody leaves, a
    // stream of our own would write where it stands by itself, and what others write there would be overwritten.
    private static Stream OpenOutput(SafeFileHandle descriptor)
    {
        var output = new FileStream(descriptor, FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? Console.OpenStandardOutput() : output;
    }
}
