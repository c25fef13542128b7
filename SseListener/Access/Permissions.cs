using System.Security.Cryptography;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Access;

/// <summary>The options that decide who may do what; <c>--help</c> explains each.</summary>
internal record AccessOptions : ListenerOptions
{
    public string? PublishToken { get; init; }

    /// <summary>The token that the file holds.</summary>
    public string? PublishTokenFile { get; init; }
    public bool OpenPublish { get; init; }
    public IReadOnlyList<TokenKey> JwtKey { get; init; } = [];
    public IReadOnlyList<KeySet> Jwks { get; init; } = [];
    public IReadOnlyList<string> JwtIssuer { get; init; } = [];
    public string? JwtAudience { get; init; }
    public string JwtClaim { get; init; } = "sse";
    public IReadOnlyList<string> Private { get; init; } = [];
    public KeyTimes KeyTimes { get; init; } = new();

    /// <summary>Whether there are keys of tokens. An issuer that is asked for them is enough.</summary>
    public bool TakesTokens => JwtKey.Count + Jwks.Count + JwtIssuer.Count > 0;
}

/// <summary>Decides who may publish to which channels, who may listen to which, and who may see how the server is doing.</summary>
internal sealed class Permissions(AccessOptions options, KeyRing keys, CrossOrigin crossOrigin)
{
    private static readonly Token _nobody = new([], [], Expiry: null, User: null);
    private readonly Tokens? _tokens = options.TakesTokens ? new Tokens(keys, options.JwtClaim, options.JwtAudience) : null;
    private readonly byte[]? _publishToken = (options.PublishToken ?? options.PublishTokenFile) is { } token ? Hash(token) : null;

    /// <summary>Whether nobody may publish, for want of a way to tell who may.</summary>
    public bool IsClosed => NeedsNoToken && !options.OpenPublish && !IsLoopback(options.Host);
    public bool NeedsNoToken => _publishToken is null && _tokens is null;

    /// <summary>Checks whether a request may publish to these channels; without any, whether it has a right to publish at all.</summary>
    public async Task<Refusal?> CheckPublishAsync(Exchange exchange, IReadOnlyList<string> channels) =>
        crossOrigin.Check(exchange) ?? await CheckPublishAsync(PresentedTokens.FromHeader(exchange), channels);

    /// <summary>The same for a token that has come another way; null for none.</summary>
    public async Task<Refusal?> CheckPublishAsync(string? token, IReadOnlyList<string> channels) =>
        !NeedsNoToken ? await CheckTokenAsync(token, channels)
        : !IsClosed ? null
        : Refusal.Of(403, "Publishing is not open: the server can be reached from other machines,"
            + " and has neither --publish-token nor --jwt-key nor --open-publish.");

    /// <summary>Checks whether a request may see how the server is doing: from this machine, or with a right to publish.</summary>
    public async Task<Refusal?> CheckOperateAsync(Exchange exchange) =>
        crossOrigin.Check(exchange) is { } foreign ? foreign
        : IsFromThisMachine(exchange) ? null
        : !NeedsNoToken ? await CheckTokenAsync(PresentedTokens.FromHeader(exchange), [])
        : Refusal.Of(
            403, "Only programs on this machine may see this: the server has no --publish-token or --jwt-key by which to know others.");

    /// <summary>Returns what a request for these channels and patterns may hear, or why it may not.</summary>
    public async Task<(Grant? Grant, Refusal? Refusal)> CheckSubscribeAsync(Exchange exchange, IReadOnlyList<string> topics)
    {
        var presented = PresentedTokens.Of(exchange);
        var (token, refusal) = await VerifyPresentedAsync(exchange, presented);
        var needing = topics.FirstOrDefault(IsPrivate);
        var isConcerned = topics.Any(topic => Overlaps(options.Private, topic));

        // A cookie comes along whether it is needed or not; any other token is meant to count. A pattern waits for the keys of its cookie:
        // private events of a stream that began without them would be missed without a gap.
        if (refusal is not null && (needing is not null || !presented.AreCookies || (refusal.IsForNow && isConcerned)))
            return (null, refusal);

        if (token is null)
            return needing is null ? (GrantOf(_nobody, expiry: null), null) : (null, Missing(needing));

        if (topics.FirstOrDefault(topic => IsPrivate(topic) && !Overlaps(token.Subscribe, topic)) is { } other)
            return (null, Insufficient($"the token may not listen to {other}"));

        return (GrantOf(token, isConcerned || !presented.AreCookies ? token.Expiry : null), null);
    }

    /// <summary>
    /// Returns which channels a request may be told of in a list of those with a prefix (null for none), or why it may not ask.
    /// </summary>
    public async Task<(ListableChannels? Listable, Refusal? Refusal)> CheckListAsync(Exchange exchange, string prefix)
    {
        var presented = PresentedTokens.Of(exchange);
        var (token, refusal) = await VerifyPresentedAsync(exchange, presented);
        if (refusal is not null && !presented.AreCookies)
            return (null, refusal);

        // Some channels are known only to those who were told their names, but a client of a pattern hears the names of its channels.
        var (rights, listed) = ((token ?? _nobody).Subscribe, prefix + ChannelNames.All);
        var isOpen = !IsPrivate(listed) && (prefix.EndsWith('/') || await CheckOperateAsync(exchange) is null);
        return (isOpen || Overlaps(rights, listed) ? new ListableChannels(rights, options.Private, isOpen) : null, null);
    }

    /// <summary>The refusal of a token that is good, but not for this; the log says the reason.</summary>
    public Refusal Insufficient(string reason) => Refusal.Insufficient(options.JwtClaim, reason);

    private async Task<Refusal?> CheckTokenAsync(string? presented, IReadOnlyList<string> channels)
    {
        // Neither in the query, which proxies and browsers write down, nor in a cookie, which a browser sends by itself.
        const string Detail = "This takes a token that may publish, in the field Authorization: Bearer TOKEN and nowhere else.";
        if (presented is null)
            return Refusal.Missing(Detail, "publishing needs Authorization: Bearer");

        if (IsPublishToken(presented))
            return null;

        var (token, invalid) = await VerifyAsync(presented);
        return token is null ? invalid
            : channels.FirstOrDefault(channel => !Covers(token.Publish, channel)) is { } other
                ? Insufficient($"the token may not publish to {other}")
            : token.Publish.Count == 0 ? Insufficient("the token may not publish")
            : null;
    }

    private static Refusal Missing(string channel) => Refusal.Missing(
        $"{channel} is private: to listen to it takes a token, as Authorization: Bearer TOKEN, in the cookie sse_token or as ?token=TOKEN.",
        $"{channel} is private");

    private Grant GrantOf(Token token, DateTime? expiry) => new(
        options.Private.Count == 0 ? null : channel => !IsPrivate(channel) || Covers(token.Subscribe, channel),
        expiry is { } at ? Environment.TickCount64 + (long)(at - DateTime.UtcNow).TotalMilliseconds : long.MaxValue, token.User);

    // One of two cookies may be of a neighbouring site, set for all sites of its domain. It must neither shut out the good one, for after a
    // refusal an EventSource never comes back, nor stand for it. So the good ones count together, until the first of them expires.
    private async Task<(Token? Token, Refusal? Refusal)> VerifyPresentedAsync(Exchange exchange, PresentedTokens presented)
    {
        if (presented.Texts.Count > 1 && !presented.AreCookies)
            return (null, Refusal.Ambiguous);

        if (presented.Texts.Count == 0 || _tokens is null)
            return (null, null);

        if (presented.AreCookies && crossOrigin.Check(exchange) is { } foreign)
            return (null, foreign);

        var (good, problem) = (new List<Token>(), (Refusal?)null);
        foreach (var text in presented.Texts)
        {
            // A publisher is known, but that does not mean that it may listen.
            var (token, invalid) = IsPublishToken(text) ? (_nobody, null) : await VerifyAsync(text);
            good.AddRange(token is null ? [] : [token]);
            problem = problem?.IsForNow == true ? problem : invalid;
        }

        return good.Count == 0 ? (null, problem)
            : (new Token([], [.. good.SelectMany(token => token.Subscribe)], good.Min(token => token.Expiry), UserOf(good)), null);
    }

    // Two cookies may be of two users. Then nobody knows which of them it is.
    private static string? UserOf(List<Token> tokens) => tokens.TrueForAll(token => token.User == tokens[0].User) ? tokens[0].User : null;

    private async Task<(Token? Token, Refusal? Refusal)> VerifyAsync(string token) =>
        _tokens is null ? (null, Refusal.Invalid("it is not the publish token")) : await _tokens.VerifyAsync(token);

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
            && (headers["X-Forwarded-For"] ?? headers["Forwarded"] ?? headers["Via"] ?? headers["X-Real-IP"]) is null
            && (host == options.Host || IsLoopback(host));
    }

    private static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}

/// <summary>What a request may listen to.</summary>
/// <param name="MayHear">Whether it may hear a channel; null for all that it asked for.</param>
/// <param name="ExpiryTicks">Until when, on the clock of <see cref="Environment.TickCount64"/>, in milliseconds.</param>
/// <param name="User">Who it is, by the token; null when that is not known.</param>
internal sealed record Grant(Func<string, bool>? MayHear, long ExpiryTicks, string? User);

/// <summary>The tokens that a request brings along.</summary>
/// <param name="Texts">None; or one; or several cookies; or the different ones in header and query, which no client should send.</param>
/// <param name="AreCookies">Whether they are cookies, which a browser sends by itself, whichever page caused the request.</param>
internal sealed record PresentedTokens(IReadOnlyList<string> Texts, bool AreCookies)
{
    private const string Scheme = "Bearer ";
    private const string Cookie = "sse_token=";

    // Each costs a verification.
    private const int MostCookies = 10;

    /// <summary>Finds them in <c>Authorization</c> (RFC 6750, section 2.1) and the query, or else in the cookies.</summary>
    public static PresentedTokens Of(Exchange exchange)
    {
        var sent = Distinct(exchange.Target.All("token").Append(FromHeader(exchange)));
        return sent.Count > 0 ? new(sent, AreCookies: false)
            : new([.. Distinct(FromCookies(exchange)).Take(MostCookies)], AreCookies: true);
    }

    public static string? FromHeader(Exchange exchange) =>
        exchange.Request.Headers["Authorization"] is { } header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && header[Scheme.Length..].Trim(' ') is { Length: > 0 } token ? token : null;

    private static IEnumerable<string> FromCookies(Exchange exchange) =>
        from cookie in (exchange.Request.Headers["Cookie"] ?? "").Split(';', StringSplitOptions.TrimEntries)
        where cookie.StartsWith(Cookie, StringComparison.Ordinal)
        select cookie[Cookie.Length..].Trim('"');

    private static List<string> Distinct(IEnumerable<string?> tokens) =>
        [.. tokens.OfType<string>().Where(token => token.Length > 0).Distinct()];
}
