using System.Net;
using System.Text.Json;

namespace SseListener.Tests.Support;

/// <summary>What <c>GET /channels/NAME</c> says.</summary>
/// <param name="Clients">How many clients there are; null when nobody is told.</param>
/// <param name="Users">How many users they are.</param>
/// <param name="Members">Those that are named, as <c>client</c> or <c>client user</c>.</param>
/// <param name="Events">How many events are kept.</param>
/// <param name="Bytes">How many bytes they have.</param>
/// <param name="Position">What it is true for.</param>
internal sealed record ChannelAnswer(int? Clients, int? Users, string[]? Members, long Events, long Bytes, string Position)
{
    /// <summary>Asks for it.</summary>
    public static async Task<ChannelAnswer> OfAsync(TestServer server, string name, string? token = null)
    {
        using var answer = await server.SendAsync("GET", "/channels/" + name, token is null ? [] : [("Authorization", "Bearer " + token)]);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        var all = JsonDocument.Parse(text).RootElement;
        Assert.That(all.GetProperty("channel").GetString(), Is.EqualTo(Uri.UnescapeDataString(name)));
        return new ChannelAnswer(
            all.TryGetProperty("clients", out var clients) ? clients.GetInt32() : null,
            all.TryGetProperty("users", out var users) ? users.GetInt32() : null,
            all.TryGetProperty("members", out var members) ? [.. members.EnumerateArray().Select(Describe)] : null,
            all.GetProperty("events").GetInt64(),
            all.GetProperty("bytes").GetInt64(),
            all.GetProperty("position").GetString()!);
    }

    /// <summary>Asks until the answer is as it should be, which takes a moment: a client is counted when a lane serves it.</summary>
    public static async Task<ChannelAnswer> WhenAsync(TestServer server, string name, Func<ChannelAnswer, bool> isRight, string? token = null)
    {
        ChannelAnswer? last = null;
        await Wait.UntilAsync(async () => isRight(last = await OfAsync(server, name, token)), "the answer does not become right");
        return last!;
    }

    private static string Describe(JsonElement member)
    {
        var id = member.GetProperty("client").GetString();
        return member.TryGetProperty("user", out var user) ? $"{id} {user.GetString()}" : id!;
    }
}
