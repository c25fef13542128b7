using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace SseListener.Tests.Support;

/// <summary>An OpenID provider, as far as a hub needs one: it says where its keys are, and has them there.</summary>
internal sealed class Provider : IDisposable
{
    private readonly int _port = TestServer.FreePort();
    private Task _gate = Task.CompletedTask;
    private HttpListener _listener = new();
    private int _asked;

    public Provider(params Signer[] keys)
    {
        Rotate(keys);
        Configuration = new JsonObject { ["issuer"] = Issuer, ["jwks_uri"] = KeysAddress }.ToJsonString();
        Open();
    }

    public string Issuer => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{_port}");

    public string KeysAddress => $"{Issuer}/keys";

    /// <summary>What it says about itself.</summary>
    public string Configuration { get; set; }

    /// <summary>What it has where its keys should be.</summary>
    public string Keys { get; set; } = "";

    public HttpStatusCode Status { get; set; } = HttpStatusCode.OK;

    /// <summary>How often it was asked for its keys.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>From now on it has these keys, and no others.</summary>
    public void Rotate(params Signer[] keys) =>
        Keys = new JsonObject { ["keys"] = new JsonArray([.. keys.Select(key => key.PublicKey.DeepClone())]) }.ToJsonString();

    /// <summary>Listens again.</summary>
    public void Open()
    {
        _listener = new HttpListener();
        _listener.Prefixes.Add(Issuer + "/");
        _listener.Start();
        _ = ServeAsync(_listener);
    }

    /// <summary>Is no longer there.</summary>
    public void Close() => _listener.Close();

    /// <summary>Answers nobody until the result is completed.</summary>
    public TaskCompletionSource HoldBack()
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _gate, held.Task);
        return held;
    }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync(HttpListener listener)
    {
        try
        {
            while (true)
                _ = AnswerAsync(await listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var path = context.Request.Url!.AbsolutePath;
            if (path == "/keys")
                Interlocked.Increment(ref _asked);

            var keys = Keys;
            await Volatile.Read(ref _gate);

            // At any other place the keys are there for those who follow a redirection.
            context.Response.StatusCode = path == "/keys" ? (int)Status : 200;
            context.Response.Headers["Location"] = "/elsewhere";
            var isConfiguration = path == "/.well-known/openid-configuration";
            context.Response.Close(Encoding.UTF8.GetBytes(isConfiguration ? Configuration : keys), willBlock: true);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }
}
