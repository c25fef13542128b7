using SseListener.Http;

namespace SseListener.Tests.Support;

/// <summary>The ways in which a server ends a stream on purpose. A client then sees a whole response, not one that broke off.</summary>
internal static class IntendedEnds
{
    /// <summary>What they are called in tests.</summary>
    public static readonly string[] All = ["stop", "dismissal", "max-age", "token-expiry"];

    /// <summary>The options with which streams can end in this way.</summary>
    public static ServerOptions EndingBy(this ServerOptions options, string end) => end switch
    {
        // The heartbeat is also how often the age is looked at.
        "max-age" => options with { MaxAge = TimeSpan.FromSeconds(1), Heartbeat = TimeSpan.FromMilliseconds(40) },
        "token-expiry" => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["*"], Heartbeat = TimeSpan.FromMilliseconds(40) },
        _ => options,
    };

    /// <summary>The query of a stream that is to end in this way: a token lives from now.</summary>
    public static string Query(string end) =>
        end is "token-expiry" ? "?token=" + Jwt.For(subscribe: ["*"], life: TimeSpan.FromSeconds(5)) : "";

    /// <summary>Ends the stream of the only client in this way.</summary>
    public static async Task EndStreamAsync(this TestServer server, string end)
    {
        switch (end)
        {
            case "stop":
                await server.Server.StopAsync();
                break;
            case "dismissal":
                using (var answer = await server.SendAsync("DELETE", $"/clients/{server.Server.Clients.Keys.Single()}"))
                {
                    Assert.That((int)answer.StatusCode, Is.EqualTo(204));
                }

                break;
            default:
                // It ends by itself.
                break;
        }
    }

    /// <summary>Reads a stream to its end, which must be that of a whole response, and returns the data.</summary>
    public static async Task<List<string>> ReadToEndAsync(this EventStream stream)
    {
        var data = new List<string>();
        while (await stream.TryNextAsync().WaitAsync(Wait.Limit) is { } next)
            data.Add(next.Data);

        return data;
    }
}
