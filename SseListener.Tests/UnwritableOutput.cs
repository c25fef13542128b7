using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Standard output and standard error that cannot be written.</summary>
public sealed class UnwritableOutput
{
    [TestCase(">/dev/full")]
    [TestCase(">&-")]
    [TestCase("2>/dev/full")]
    [TestCase("2>&-")]
    [TestCase(">/dev/full 2>/dev/full")]
    [TestCase("<&- >&- 2>&-")]
    [TestCase("> >(:) 2> >(:)")]
    public async Task The_server_goes_on_without(string redirection)
    {
        var port = TestServer.FreePort();
        using var program = Start($"--port {port} --drain 0", redirection);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await AnswersAsync(http, program);

        // Each of these is a line of the log.
        for (var i = 0; i < 3; i++)
        {
            using var refused = await http.GetAsync(new Uri("/events?channel=bad%20name", UriKind.Relative));
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        }

        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero);
    }

    [Test]
    public async Task The_log_goes_on_when_it_can_and_says_how_much_is_missing()
    {
        using var folder = new TempFolder();
        var (file, port) = (Path.Combine(folder.Path, "log"), TestServer.FreePort());
        using var program = Start($"--port {port} --drain 0", $"2>'{file}'");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await AnswersAsync(http, program);

        // The log's thread writes a line some time after its request has been answered: perhaps only when it may again.
        await Wait.UntilAsync(async () =>
        {
            program.Limit("fsize", "0");
            using var lost = await http.GetAsync(new Uri("/events?channel=lost%20line", UriKind.Relative));
            program.Limit("fsize", "unlimited");
            using var kept = await http.GetAsync(new Uri("/events?channel=kept%20line", UriKind.Relative));
            return (await File.ReadAllTextAsync(file)).Contains(" lines were dropped: ", StringComparison.Ordinal);
        }, "the log says nothing of what is missing");
    }

    [TestCase("--help", ">/dev/full", 1)]
    [TestCase("--help", ">&-", 1)]
    [TestCase("--version", ">/dev/full 2>/dev/full", 1)]
    [TestCase("bench --help", ">/dev/full", 1)]
    [TestCase("--port none", "2>/dev/full", 2)]
    [TestCase("--port none", "2>&-", 2)]
    [TestCase("tail ftp://nowhere", "2>/dev/full", 2)]
    [TestCase("pub ftp://nowhere x", "2>/dev/full", 2)]
    [TestCase("health ftp://nowhere", "2>/dev/full", 2)]
    [TestCase("tail http://127.0.0.1:1/", ">&-", 1)]
    public async Task A_command_ends_with_its_exit_code(string arguments, string redirection, int exitCode)
    {
        using var program = Start(arguments, redirection);
        Assert.That(await program.EndAsync(), Is.EqualTo(exitCode));
    }

    private static BuiltProgram Start(string arguments, string redirection) => BuiltProgram.Shell($"exec dotnet '{BuiltProgram.File}' {arguments} {redirection}");

    private static async Task AnswersAsync(HttpClient http, BuiltProgram program)
    {
        async Task<bool> IsAnsweredAsync()
        {
            try
            {
                using var answer = await http.GetAsync(new Uri("/status", UriKind.Relative));
                return true;
            }
            catch (HttpRequestException)
            {
                return program.HasEnded;
            }
        }

        await Wait.UntilAsync(IsAnsweredAsync, "it does not listen");
        Assert.That(program.HasEnded, Is.False);
    }
}
