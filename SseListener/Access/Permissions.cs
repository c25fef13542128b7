using System.Security.Cryptography;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Access;

/// <summary>Decides who may publish to which channels, who may listen to which, and who may see how the server is doing.</summary>
internal sealed class Permissions(AccessOptions options, CrossOrigin crossOrigin)
{
    private readonly Tokens? _tokens = options.JwtKey is { } key ? new Tokens(key, options.JwtIssuer, options.JwtAudience) : null;
    private readonly byte[]? _publishToken = (options.PublishToken ?? options.PublishTokenFile) is { } token ? Hash(token) : null;

    /// <summary>Whether nobody may publish, for want of a way to tell who may.</summary>
    public bool IsClosed => NeedsNoToken && !options.OpenPublish && !IsLoopback(options.Host);

    public bool NeedsNoToken => _publishToken is null && _tokens is null;

    /// <summary>Checks whether a request may publish to these channels; without any, whether it has a right to publish at all.</summary>
    public async Task<Refusal?> CheckPublishAsync(Exchange exchange, IReadOnlyList<string> channels) =>
        crossOrigin.Check(exchange) is { } foreign ? foreign
        : !NeedsNoToken ? await CheckTokenAsync(exchange, channels)
        : !IsClosed ? null
        : Refusal.Of(403, "Publishing is not open: the server can be reached from other machines,"
            + " and has neither --publish-token nor --jwt-key nor --open-publish.");

    /// <summary>Checks whether a request may see how the server is doing: from this machine, or with a right to publish.</summary>
    public async Task<Refusal?> CheckOperateAsync(Exchange exchange) =>
        crossOrigin.Check(exchange) is { } foreign ? foreign
        : IsFromThisMachine(exchange) ? null
        : !NeedsNoToken ? await CheckTokenAsync(exchange, [])
        : Refusal.Of(
            403, "Only programs on this machine may see this: the server has no --publish-token or --jwt-key by which to know others.");

    /// <summary>Checks whether a request may listen to these channels and patterns.</summary>
    /// <returns>What it may hear, or why it may not.</returns>
    public async Task<(Grant? Grant, Refusal? Refusal)> CheckSubscribeAsync(Exchange exchange, IReadOnlyList<string> topics)
    {
        var presented = PresentedTokens.Of(exchange);
        var (token, refusal) = await VerifyAsync(exchange, presented);
        var needing = topics.FirstOrDefault(IsPrivate);

        // A cookie comes along whether it is needed or not; any other token is meant to count.
        if (refusal is not null && (needing is not null || !presented.AreCookies))
            return (null, refusal);

        if (token is null)
            return needing is null ? (GrantOf([], expiry: null), null) : (null, Missing(needing));

        if (topics.FirstOrDefault(topic => IsPrivate(topic) && !Overlaps(token.Subscribe, topic)) is { } other)
            return (null, Refusal.Insufficient($"the token may not listen to {other}"));

        var isConcerned = topics.Any(topic => Overlaps(options.Private, topic));
        return (GrantOf(token.Subscribe, isConcerned || !presented.AreCookies ? token.Expiry : null), null);
    }

    private async Task<Refusal?> CheckTokenAsync(Exchange exchange, IReadOnlyList<string> channels)
    {
        // Neither in the query, which proxies and browsers write down, nor in a cookie, which a browser sends by itself.
        if (PresentedTokens.FromHeader(exchange) is not { } presented)
        {
            return Refusal.Missing(
                "This takes a token that may publish, in the field Authorization: Bearer TOKEN and nowhere else.",
                "publishing needs Authorization: Bearer");
        }

        if (IsPublishToken(presented))
            return null;

        var (token, invalid) = await VerifyAsync(presented);
        return token is null ? Refusal.Invalid(invalid)
            : channels.FirstOrDefault(channel => !Covers(token.Publish, channel)) is { } other
                ? Refusal.Insufficient($"the token may not publish to {other}")
            : token.Publish.Count == 0 ? Refusal.Insufficient("the token may not publish")
            : null;
    }

    private Grant GrantOf(IReadOnlyList<string> rights, DateTime? expiry) =>
        new(options.Private.Count == 0 ? null : channel => !IsPrivate(channel) || Covers(rights, channel), expiry);

    private static Refusal Missing(string channel) => Refusal.Missing(
        $"{channel} is private: to listen to it takes a token, as Authorization: Bearer TOKEN, in the cookie sse_token or as ?token=TOKEN.",
        $"{channel} is private");

    // One of two cookies may be of a neighbouring site, set for all sites of its domain. It must neither shut out the good one, for after a
    // refusal an EventSource never comes back, nor stand for it. So the good ones count together, until the first of them expires.
    private async Task<(Token? Token, Refusal? Refusal)> VerifyAsync(Exchange exchange, PresentedTokens presented)
    {
        if (presented.Texts.Count > 1 && !presented.AreCookies)
            return (null, Refusal.Ambiguous);

        if (presented.Texts.Count == 0 || _tokens is null)
            return (null, null);

        if (presented.AreCookies && crossOrigin.Check(exchange) is { } foreign)
            return (null, foreign);

        var good = new List<Token>();
        var problem = "";
        foreach (var text in presented.Texts)
        {
            // A publisher is known, but that does not mean that it may listen.
            var (token, invalid) = IsPublishToken(text) ? (Token.Powerless, "") : await VerifyAsync(text);
            good.AddRange(token is null ? [] : [token]);
            problem = token is null ? invalid : problem;
        }

        return good.Count == 0 ? (null, Refusal.Invalid(problem))
            : (new Token([], [.. good.SelectMany(token => token.Subscribe)], good.Min(token => token.Expiry)), null);
    }

    private async Task<(Token? Token, string Problem)> VerifyAsync(string token) =>
        _tokens is null ? (null, "it is not the publish token") : await _tokens.VerifyAsync(token);

    private bool IsPublishToken(string token) =>
        _publishToken is not null && CryptographicOperations.FixedTimeEquals(Hash(token), _publishToken);

    private bool IsPrivate(string topic) => Covers(options.Private, topic);

    private static bool Covers(IReadOnlyList<string> rules, string topic) => rules.Any(rule => ChannelNames.Covers(rule, topic));

    private static bool Overlaps(IReadOnlyList<string> rules, string topic) => rules.Any(rule => ChannelNames.Overlap(rule, topic));

    // All hashes have one length, so comparing takes the same time for all tokens.
    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    // A proxy on this machine brings requests from elsewhere, and says so (RFC 7239, section 4, and its forerunners). A page whose name was
    // pointed at this machine asks for that name.
    private bool IsFromThisMachine(Exchange exchange)
    {
        var headers = exchange.Request.Headers;
        var sent = exchange.Authority;
        var host = sent.StartsWith('[') ? exchange.Host : sent.Split(':')[0].TrimEnd('.').ToLowerInvariant();
        return IPAddress.IsLoopback(exchange.Remote.Address)
            && headers["X-Forwarded-For"] is null && headers["Forwarded"] is null && headers["Via"] is null && headers["X-Real-IP"] is null
            && (host == options.Host || IsLoopback(host));
    }

    private static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}

/// <summary>What a request may listen to.</summary>
/// <param name="MayHear">Whether it may hear a channel; null for all that it asked for.</param>
/// <param name="Expiry">Until when; null for ever.</param>
internal sealed record Grant(Func<string, bool>? MayHear, DateTime? Expiry)
{
    /// <summary>The expiry on the clock of <see cref="Environment.TickCount64"/>, in milliseconds.</summary>
    public long ExpiryTicks =>
        Expiry is { } expiry ? Environment.TickCount64 + (long)(expiry - DateTime.UtcNow).TotalMilliseconds : long.MaxValue;
}
