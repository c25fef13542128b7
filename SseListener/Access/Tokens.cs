using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using SseListener.Events;

namespace SseListener.Access;

/// <summary>
/// What a JSON Web Token (RFC 7519) allows by one of its claims, as names and patterns of channels; only private ones need it to be
/// listened to. Without an expiry it never expires. The user is its claim <c>sub</c>, if it has a short one.
/// </summary>
internal sealed record Token(IReadOnlyList<string> Publish, IReadOnlyList<string> Subscribe, DateTime? Expiry, string? User);

/// <summary>Verifies tokens: signed with a key of their issuer, for the audience unless that is null, and valid now.</summary>
/// <param name="keys">The keys.</param>
/// <param name="claim">The claim that says what a token allows.</param>
/// <param name="audience">For whom tokens must be.</param>
internal sealed class Tokens(KeyRing keys, string claim, string? audience)
{
    private static readonly string[] _times = ["exp", "nbf"];
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };

    // The library would round exp and nbf to the second.
    private readonly TokenValidationParameters _parameters = new()
    {
#pragma warning disable CA5404 // The issuer has chosen the keys, and the times are read behind the signature.
        ValidateIssuer = false,
        ValidateLifetime = false,
        RequireExpirationTime = false,
#pragma warning restore CA5404
        ValidateAudience = audience is not null,
        ValidAudience = audience,
    };

    /// <summary>Returns what a token allows, or why it does not count.</summary>
    public async Task<(Token? Token, Refusal? Refusal)> VerifyAsync(string text)
    {
        if (Read(text) is not { } token)
            return (null, Refusal.Invalid("it is malformed"));

        var (issuer, id) = (Given(token.Issuer), Given(token.Kid));
        if (!keys.Knows(issuer))
            return (null, Refusal.Invalid("it is of another issuer"));

        return await FindProblemAsync(token, issuer, id) is { } refusal ? (null, refusal) : ReadClaims(token);
    }

    // A key that is not known may be newer than those that are. To an EventSource a refusal is final, so there is none before the issuer
    // was asked after the token had come.
    private async Task<Refusal?> FindProblemAsync(JsonWebToken token, string? issuer, string? id)
    {
        var (came, asked, areAll) = (Stopwatch.GetTimestamp(), 0L, false);
        while (true)
        {
            var candidates = keys.Find(issuer, id);
            if (await CheckAsync(token, candidates) is not { } problem)
                return null;

            if (id is not null && candidates.Exists(key => key.Id == id))
                return Refusal.Invalid(problem);

            if (asked >= came)
                return areAll ? Refusal.Invalid(problem) : Refusal.WithoutKeys;

            if (await keys.AskAsync(issuer) is not { } time)
                return Refusal.Invalid(problem);

            // In this order: keys that come in between must not be taken for all there are.
            (asked, areAll) = (time, keys.AreCertain(issuer));
        }
    }

    private JsonWebToken? Read(string text)
    {
        try
        {
            return _handler.ReadJsonWebToken(text);
        }
        catch (Exception e) when (e is SecurityTokenException or ArgumentException)
        {
            return null;
        }
    }

    // Returns what is wrong with the signature, or null.
    private async Task<string?> CheckAsync(JsonWebToken token, List<TokenKey> candidates)
    {
        var fitting = candidates.FindAll(key => key.Algorithms.Contains(token.Alg));
        if (fitting.Count == 0)
        {
            return candidates.Count == 0 ? "it names a key that is not known"
                : $"it is not signed by {string.Join(" or ", candidates.SelectMany(key => key.Algorithms).Distinct())}";
        }

        var parameters = _parameters.Clone();
        (parameters.ValidAlgorithms, parameters.IssuerSigningKeys) = ([token.Alg], fitting.Select(key => key.Key));
        var result = await _handler.ValidateTokenAsync(token, parameters);
        return result.IsValid ? null : Describe(result.Exception);
    }

    // The library's own words are long, and name what is not meant for a log.
    private static string Describe(Exception exception) => exception switch
    {
        SecurityTokenInvalidAudienceException => "it is for another audience",
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException => "its signature is not good",
        SecurityTokenMalformedException or ArgumentException => "it is malformed",
        _ => "it is encrypted, or of another kind that is not known here",
    };

    private (Token? Token, Refusal? Refusal) ReadClaims(JsonWebToken token)
    {
        // RFC 7515, section 4.1.11: what a token calls critical must be understood, and nothing is here.
        if (token.TryGetHeaderValue<object>("crit", out _))
            return (null, Refusal.Invalid("it has a critical extension"));

        // JsonElement throws InvalidOperationException where a value has another type.
        try
        {
            using var claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
            if (_times.Any(name => claims.RootElement.TryGetProperty(name, out var time) && time.ValueKind != JsonValueKind.Number))
                return (null, Refusal.Invalid("its exp or nbf is no number"));

            var (from, until, now) = (TimeOf(claims.RootElement, "nbf"), TimeOf(claims.RootElement, "exp"), DateTime.UtcNow);
            return until <= now ? (null, Refusal.Invalid("it has expired"))
                : from > now ? (null, Refusal.Invalid("it is not valid yet"))
                : (ReadRights(claims.RootElement, until), null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return (null, Refusal.Invalid($"its claim {claim} is not {{\"publish\":[…],\"subscribe\":[…]}}"));
        }
    }

    private Token ReadRights(JsonElement claims, DateTime? until) => claims.TryGetProperty(claim, out var rights)
        ? new Token(ReadChannels(rights, "publish"), ReadChannels(rights, "subscribe"), until, ReadUser(claims))
        : new Token([], [], until, ReadUser(claims));

    // RFC 7519, section 2, "NumericDate": seconds, perhaps with a fraction. A year that the calendar does not have is its last one.
    private static DateTime? TimeOf(JsonElement claims, string name)
    {
        if (!claims.TryGetProperty(name, out var time))
            return null;

        var most = (DateTime.MaxValue - DateTime.UnixEpoch).TotalSeconds - 1;
        return DateTime.UnixEpoch.AddSeconds(Math.Clamp(time.GetDouble(), 0, most));
    }

    // RFC 7519, section 4.1.2: it is a string. Others than this server may make a number of it, and their tokens are good all the same.
    private static string? ReadUser(JsonElement claims) =>
        claims.TryGetProperty("sub", out var user) && user.ValueKind is JsonValueKind.String && UserNames.IsName(user.GetString())
            ? user.GetString() : null;

    // What is neither name nor pattern stands for no channel.
    private static List<string> ReadChannels(JsonElement rights, string name) => rights.TryGetProperty(name, out var channels)
        ? [.. channels.EnumerateArray().Select(channel => channel.GetString() ?? throw new JsonException()).Where(ChannelNames.IsRule)]
        : [];

    private static string? Given(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
