using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>health</c>: the program asks a server of its own kind whether it is well.</summary>
public sealed class AskingForHealth
{
    [TestCase("localhost:PORT")]
    [TestCase("http://127.0.0.1:PORT/events?channel=a")]
    [TestCase("", "PORT", "PORT")]
    public async Task A_server_that_is_well_is_one_line_and_success(string address, string variable = "SSE_OTHER", string value = "x")
    {
        await using var server = TestServer.Start();
        string Here(string text) => text.Replace("PORT", $"{server.Port}", StringComparison.Ordinal);
        (string, string)[] environment = [(variable, Here(value)), ("SSE_HOST", ""), ("http_proxy", "http://127.0.0.1:1")];
        using var health = BuiltProgram.Start($"health {Here(address)}", directory: null, environment);
        await health.EndsWellAsync();
        Assert.That(health.Output, Is.EqualTo("""{"status":"ok"}"""));
    }

    [Test]
    public async Task It_asks_for_the_name_that_the_server_answers_to()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--host 127.0.0.1");
        using var running = program;
        using var host = BuiltProgram.Start("health", directory: null, ("PORT", $"{port}"), ("SSE_HOST", "127.0.0.1"));
        await host.EndsWellAsync();
        using var other = BuiltProgram.Start("health", directory: null, ("PORT", $"{port}"), ("SSE_HOST", ""));
        Assert.That(await other.EndAsync(), Is.EqualTo(1));
    }

    [TestCase("HTTP/1.1 503 No\r\nContent-Length: 24\r\n\r\n{\"detail\":\"It\\nis not.\"}", "503 No: It\\u000ais not.")]
    [TestCase("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "404 No: the server says no more")]
    [TestCase("", "no answer within 4 s")]
    public async Task A_server_that_is_not_well_is_a_failure(string answer, string told)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var health = BuiltProgram.Start($"health {listener.LocalEndpoint}");
        using var connection = await listener.AcceptTcpClientAsync().WaitAsync(Wait.Limit);
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
        Assert.That(await health.EndAsync(), Is.EqualTo(1));
        Assert.That(health.Errors, Is.EqualTo(told));
        Assert.That(health.Output, Is.Empty);
    }

    [Test]
    public async Task A_server_that_is_not_there_is_a_failure()
    {
        using var health = BuiltProgram.Start("health", directory: null, ("PORT", $"{TestServer.FreePort()}"));
        Assert.That(await health.EndAsync(), Is.EqualTo(1));
        Assert.That(health.Errors, Does.StartWith("cannot connect: ").And.Not.Contain("\n"));
    }

    [TestCase("ftp://localhost", "3000", "'ftp://localhost' is no http or https URL.")]
    [TestCase("", "none", "PORT is a whole number from 1 to 65535, not 'none'.")]
    public async Task What_is_no_address_is_told(string address, string port, string problem)
    {
        using var health = BuiltProgram.Start($"health {address}", directory: null, ("PORT", port));
        Assert.That(await health.EndAsync(), Is.EqualTo(CommandLine.UsageError));
        Assert.That(health.Errors, Is.EqualTo(problem));
    }
}
