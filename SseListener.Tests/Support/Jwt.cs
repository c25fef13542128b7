using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SseListener.Tests.Support;

/// <summary>JSON Web Tokens made by hand (RFC 7515, section 3.1), with no code that the server uses.</summary>
internal static class Jwt
{
    public const string Secret = "a secret of at least thirty-two bytes";

    /// <summary>A good token with these rights, good for a while.</summary>
    public static string For(string[]? publish = null, string[]? subscribe = null, TimeSpan? life = null, string? user = null) =>
        Hs256(Claims(publish, subscribe, life ?? TimeSpan.FromMinutes(5), user));

    /// <summary>The claims of a token with these rights.</summary>
    public static string Claims(string[]? publish, string[]? subscribe, TimeSpan life, string? user = null) => JsonSerializer.Serialize(new
    {
        sub = user,
        sse = new { publish = publish ?? [], subscribe = subscribe ?? [] },
        exp = DateTimeOffset.UtcNow.Add(life).ToUnixTimeSeconds(),
    });

    /// <summary>A token with these claims, signed with a secret.</summary>
    public static string Hs256(string claims, string secret = Secret, string header = """{"alg":"HS256","typ":"JWT"}""") =>
        Sign(header, claims, bytes => HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), bytes));

    /// <summary>A token with this header and these claims, signed in this way.</summary>
    public static string Sign(string header, string claims, Func<byte[], byte[]> sign)
    {
        var signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
