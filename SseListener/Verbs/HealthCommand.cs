using System.CommandLine;
using SseListener.Cli;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary><c>health [URL]</c>: asks a server whether it is well, for containers, which have no curl.</summary>
internal static class HealthCommand
{
    private const int Seconds = 4;
    private static readonly string[] _settings = ["port", "host"];

    private static readonly Argument<string?> _url = new("URL")
    {
        Description = "the server; without it the one on this machine that PORT and SSE_HOST would start",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Create()
    {
        var health = new Command("health", "Ask a server whether it is well.") { _url };
        health.SetAction(RunAsync);
        return health;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken interrupted)
    {
        if (!CommandLine.TryRead(parsed, _settings, out var options, out var problem)
            || !Remote.TryReadUrl(parsed.GetValue(_url) ?? options.Address.AbsoluteUri, out var url, out problem))
        {
            return Remote.Fail(CommandLine.UsageError, problem);
        }

        using var handler = Remote.HandlerFor(url);
        using var http = new HttpClient(handler, disposeHandler: false)
        {
            Timeout = TimeSpan.FromSeconds(Seconds),
            MaxResponseContentBufferSize = 64 * 1024,
        };
        try
        {
            using var answer = await http.GetAsync(new Uri(url, "/healthz"), interrupted);
            if (answer.StatusCode != HttpStatusCode.OK)
                return Remote.Fail(1, await Remote.ReadRefusalAsync(answer, interrupted));

            Console.WriteLine(LogWriter.OneLine((await answer.Content.ReadAsStringAsync(interrupted)).Trim()));
            return 0;
        }
        catch (HttpRequestException e)
        {
            return Remote.Fail(1, $"cannot connect: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            return interrupted.IsCancellationRequested ? Remote.Interrupted : Remote.Fail(1, $"no answer within {Seconds} s");
        }
    }
}
