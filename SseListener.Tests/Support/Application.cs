using System.Collections.Concurrent;
using System.Globalization;
using System.Net;

namespace SseListener.Tests.Support;

/// <summary>
/// An application with sessions, behind nginx: it says whose session a request is of, with a token for the hub, and has one page. Its
/// cookie is <c>session=NAME</c>.
/// </summary>
internal sealed class Application : IDisposable
{
    private readonly HttpListener _listener = new();

    public Application()
    {
        _listener.Prefixes.Add(string.Create(CultureInfo.InvariantCulture, $"http://*:{Port}/"));
        _listener.Start();
        _ = Serving.RunAsync(_listener, Answer);
    }

    public int Port { get; } = TestServer.FreePort();

    /// <summary>What makes the token of a session, by its name; an empty token for none.</summary>
    public ConcurrentDictionary<string, Func<string>> Sessions { get; } = new();

    /// <summary>The status for a session that there is not.</summary>
    public int Refusal { get; set; } = 401;

    /// <summary>What it was asked about sessions: the method and the cookies.</summary>
    public ConcurrentQueue<string> Questions { get; } = new();

    public void Dispose() => _listener.Close();

    private void Answer(HttpListenerContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (request.Url!.AbsolutePath == "/sse-session")
        {
            Questions.Enqueue($"{request.HttpMethod} {request.Headers["Cookie"]}");
            var token = Sessions.GetValueOrDefault(request.Cookies["session"]?.Value ?? "")?.Invoke();
            response.StatusCode = token is null ? Refusal : 204;
            if (token is { Length: > 0 })
                response.Headers["X-SSE-Token"] = token;

            response.Close();
            return;
        }

        response.ContentType = "text/html";
        if (request.QueryString["login"] is { } name)
            response.Headers["Set-Cookie"] = $"session={name}; Path=/; Secure; HttpOnly; SameSite=Lax";

        response.Close(System.Text.Encoding.UTF8.GetBytes(TestServer.EmptyPage), willBlock: true);
    }
}
