using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using SseListener.Access;
using SseListener.Cli;
using SseListener.Events;
using SseListener.Http;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary>
/// <c>token</c>: prints a token that is signed with the configured secret; <c>token check TOKEN</c>: says what one allows, or why it does
/// not count. Both read the server's own options.
/// </summary>
internal static class TokenCommand
{
    private static readonly string[] _settings = ["jwt-key", "jwks", "jwt-issuer", "jwt-audience", "jwt-claim"];
    private static readonly Option<string[]> _publish = Channels("--publish", "may be published to");
    private static readonly Option<string[]> _subscribe = Channels("--subscribe", "may be listened to");
    private static readonly Option<string?> _user =
        new("--user") { Description = "who it is, as others are told (sub)", HelpName = "NAME" };

    private static readonly Option<string> _ttl =
        new("--ttl") { Description = "how long it counts", HelpName = "DURATION", DefaultValueFactory = _ => "1h" };

    private static readonly Argument<string> _token = new("TOKEN") { Description = "the token" };

    public static Command Create()
    {
        var check = new Command("check", "Say what a token allows, or why it does not count.") { _token };
        var token = new Command("token", "Sign a token with --jwt-key, or check one.")
        {
            _publish, _subscribe, _user, _ttl, check,
        };
        foreach (var option in CommandLine.Find(_settings))
        {
            token.Add(option.Symbol);
            check.Add(option.Symbol);
        }

        token.SetAction(parsed => CommandLine.TryRead(parsed, _settings, out var options, out var problem)
            ? Print(parsed, options) : Remote.Fail(CommandLine.UsageError, problem));
        check.SetAction((parsed, _) => CommandLine.TryRead(parsed, _settings, out var options, out var problem)
            ? CheckAsync(parsed.GetValue(_token)!, options) : Task.FromResult(Remote.Fail(CommandLine.UsageError, problem)));
        return token;
    }

    private static int Print(ParseResult parsed, ServerOptions options)
    {
        var (publish, subscribe) = (parsed.GetValue(_publish) ?? [], parsed.GetValue(_subscribe) ?? []);
        if (publish.Concat(subscribe).FirstOrDefault(channel => !ChannelNames.IsRule(channel)) is { } odd)
            return Remote.Fail(CommandLine.UsageError, $"'{odd}' is neither a channel's name nor a pattern such as user/*, nor * for all.");

        if (publish.Length + subscribe.Length == 0)
            return Remote.Fail(CommandLine.UsageError, "The token would allow nothing: give it --publish or --subscribe, or both.");

        var user = parsed.GetValue(_user);
        if (user is not null && !UserNames.IsName(user))
            return Remote.Fail(CommandLine.UsageError, "--user is a name of up to 128 bytes.");

        if (!Units.TryDuration(parsed.GetValue(_ttl)!, out var life, out var expected))
            return Remote.Fail(CommandLine.UsageError, $"--ttl is {expected}, not '{parsed.GetValue(_ttl)}'.");

        if (options.JwtKey.Select(key => key.Key).OfType<SymmetricSecurityKey>().FirstOrDefault() is not { } secret)
            return Remote.Fail(1, WhyNot(options));

        // What is cut off of the last second must not make it shorter.
        var claims = new JsonObject { ["exp"] = DateTimeOffset.UtcNow.Add(life).ToUnixTimeSeconds() + 1 };
        var issuer = options.JwtIssuer is [var first, ..] ? first : null;
        foreach (var (name, value) in new[] { ("sub", user), ("iss", issuer), ("aud", options.JwtAudience) })
        {
            if (value is not null)
                claims[name] = value;
        }

        claims[options.JwtClaim] = new JsonObject { ["publish"] = ListOf(publish), ["subscribe"] = ListOf(subscribe) };

        // The name that the library gives the key is no name by which anybody knows it.
        var signing = new SigningCredentials(new SymmetricSecurityKey(secret.Key), SecurityAlgorithms.HmacSha256);
        Console.WriteLine(new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(claims.ToJsonString(), signing));
        return 0;
    }

    private static async Task<int> CheckAsync(string text, ServerOptions options)
    {
        if (options.Contradiction is { } wrong)
            return Remote.Fail(CommandLine.UsageError, wrong);

        if (!options.TakesTokens)
            return Remote.Fail(CommandLine.UsageError, "There is no key: give it --jwt-key, --jwks or --jwt-issuer, as the server has it.");

        using var log = new LogWriter(StandardStreams.OpenError(), LogLevel.Warning);
        using var keys = new KeyRing(options, log);
        var (token, refusal) = await new Tokens(keys, options.JwtClaim, options.JwtAudience).VerifyAsync(text.Trim());
        if (token is null)
            return Remote.Fail(1, refusal!.Reason);

        var (life, user) = (token.Expiry is { } end ? $"until {end:u}" : "for ever", token.User is null ? "" : $", of {token.User}");
        Console.WriteLine(LogWriter.OneLine($"good {life}{user}"));
        Console.WriteLine($"may publish to: {Shown(token.Publish, "nothing")}");
        Console.WriteLine($"may listen to: {Shown(token.Subscribe, "what is not private")}");
        return 0;
    }

    private static string WhyNot(ServerOptions options) => options.JwtKey.Count > 0
        ? "--jwt-key is a public key, which only verifies: sign with the private one that belongs to it."
        : options.TakesTokens ? "The keys are somebody else's, who signs with the private ones."
        : "There is no key to sign with: give it --jwt-key or SSE_JWT_KEY, as the server has it.";

    private static JsonArray ListOf(string[] channels) => new([.. channels.Select(channel => (JsonNode)JsonValue.Create(channel))]);

    private static string Shown(IReadOnlyList<string> channels, string none) =>
        channels.Count == 0 ? none : LogWriter.OneLine(string.Join(", ", channels));

    private static Option<string[]> Channels(string name, string what) =>
        new(name) { Description = $"channel or pattern that {what}; may be repeated", HelpName = "CHANNEL" };
}
