using System.CommandLine;
using SseListener.Access;
using SseListener.Events;
using SseListener.Http;
using SseListener.Log;
using static SseListener.Cli.CommandLineOption;

namespace SseListener.Cli;

/// <summary>
/// Turns arguments and environment into <see cref="ServerOptions"/>, which has the defaults. One table names every option, its unit and
/// its check; an argument comes before the environment, and the environment before the default.
/// </summary>
internal static class CommandLine
{
    public const int UsageError = 2;

    private static readonly ServerOptions _defaults = new();

    /// <summary>All options, in the order in which help lists them.</summary>
    public static IReadOnlyList<CommandLineOption> Options { get; } =
    [
        Number("port", _defaults.Port, 1, 65535, (o, v) => o with { Port = v }, "TCP port"),
        Create<string>("host", _defaults.Host, Units.TryHost, (o, v) => o with { Host = v },
            "host name to answer to; localhost includes 127.0.0.1 and ::1, + is every name and address"),
        Text("public", "public", (o, v) => o with { Public = v },
            "folder of the pages; the default falls back to the pages within the program"),
        Text("data", _defaults.Data, (o, v) => o with { Data = v == None ? null : v },
            "folder that history is kept in; none keeps it in memory only"),
        Choice("sync", _defaults.Sync, (o, v) => o with { Sync = v },
            "when an event counts as kept: os, once the operating system has it, or always, once it is on the disk"),
        Size("history", _defaults.History, 0, long.MaxValue, (o, v) => o with { History = v },
            "bytes of events kept for clients that come back"),
        Duration("history-age", _defaults.HistoryAge, (o, v) => o with { HistoryAge = v }, "how long events are kept"),
        Create<KeepRule>("keep", None, Units.TryKeepRule, (o, v) => o with { Keep = [.. o.Keep, v] },
            "what is kept of some channels in place of that: an age, bytes of all of them, a number of events of each, "
                + "as in llm/*=10m,1MiB or prices/*=1", OptionKind.Rules),
        Duration("heartbeat", _defaults.Heartbeat, (o, v) => o with { Heartbeat = v }, "silence after which a stream gets a comment"),
        Duration("retry", _defaults.Retry, (o, v) => o with { Retry = v },
            "how long clients are told to wait before reconnecting, give or take a quarter"),
        Duration("write-timeout", _defaults.WriteTimeout, (o, v) => o with { WriteTimeout = v },
            "longest a client may take nothing of what is written to it"),
        Size("send-buffer", _defaults.SendBuffer, 256, 64 * 1024 * 1024, (o, v) => o with { SendBuffer = (int)v },
            "bytes that the operating system holds for a client that has no room for them (Linux)"),
        Duration("max-age", _defaults.MaxAge, (o, v) => o with { MaxAge = v },
            "age at which streams end, give or take a fifth, so that clients spread over servers; 0 for never", orZero: true),
        Duration("drain", _defaults.Drain, (o, v) => o with { Drain = v },
            "time over which a stop spreads the end of the streams; 0 for all at once", orZero: true),
        Duration("body-timeout", _defaults.BodyTimeout, (o, v) => o with { BodyTimeout = v },
            "longest the body of a request may take to arrive"),
        Duration("idle-timeout", _defaults.IdleTimeout, (o, v) => o with { IdleTimeout = v },
            "longest a connection may stay open without a request"),
        Number("max-clients", _defaults.MaxClients, 1, int.MaxValue, (o, v) => o with { MaxClients = v }, "clients at a time"),
        Number("max-clients-per-address", _defaults.MaxClientsPerAddress, 0, int.MaxValue, (o, v) => o with { MaxClientsPerAddress = v },
            "clients at a time at one address (a /64 of IPv6); 0 for any number"),
        Flag("trust-proxy", (o, v) => o with { TrustProxy = v },
            "take a client's address from X-Forwarded-For when a proxy on this machine sends it"),
        Number("max-channels", _defaults.MaxChannels, 1, int.MaxValue, (o, v) => o with { MaxChannels = v },
            "channels that keep events, and as many channels and patterns with listeners only"),
        Number("max-publishes", _defaults.MaxPublishes, 1, int.MaxValue, (o, v) => o with { MaxPublishes = v },
            "publishes under way at a time"),
        Size("max-publish-bytes", _defaults.MaxPublishBytes, 1, long.MaxValue, (o, v) => o with { MaxPublishBytes = v },
            "bytes of bodies under way at a time, beyond 16KiB for each"),
        Size("max-body", _defaults.MaxBody, 1, 128 * 1024 * 1024, (o, v) => o with { MaxBody = (int)v }, "largest body of a publish"),
        Size("max-header", _defaults.MaxHeader, 256, 32 * 1024, (o, v) => o with { MaxHeader = (int)v },
            "largest request line with its header fields, up to 32KiB"),
        Number("presence-limit", _defaults.PresenceLimit, 0, int.MaxValue, (o, v) => o with { PresenceLimit = v },
            "most clients of a channel that are told who is there, joins and leaves; 0 is off"),
        Secret<string>("publish-token", Units.TryToken, (o, v) => o with { PublishToken = v }, "token that publishers must send"),
        Secret<string>("publish-token-file", Units.TryTokenFile, (o, v) => o with { PublishTokenFile = v },
            "file with the token that publishers must send"),
        Flag("open-publish", (o, v) => o with { OpenPublish = v }, "let anyone publish, also from other machines"),
        Create<IReadOnlyList<TokenKey>>("jwt-key", None, TokenKey.TryRead, (o, v) => o with { JwtKey = [.. o.JwtKey, .. v] },
            "key of JSON Web Tokens: a secret of 32 bytes or more (HS256), or a PEM file (RS256, ES256, ES384); each key counts",
            OptionKind.Secrets),
        List<KeySet>("jwks", KeySet.TryRead, (o, v) => o with { Jwks = [.. o.Jwks, v] },
            "https address of a set of such keys (JWKS) or of an OpenID configuration, or a file with a set; "
                + "the first is for the first --jwt-issuer, and so on"),
        List<string>("jwt-issuer", Units.TryText, (o, v) => o with { JwtIssuer = [.. o.JwtIssuer, v] },
            "issuer that tokens must have; without --jwks and --jwt-key it is an OpenID provider, and asked for its keys"),
        Text("jwt-audience", _defaults.JwtAudience, (o, v) => o with { JwtAudience = v }, "audience that tokens must have"),
        Text("jwt-claim", _defaults.JwtClaim, (o, v) => o with { JwtClaim = v }, "claim that says what a token allows"),
        List<string>("private", Units.TryChannels, (o, v) => o with { Private = [.. o.Private, v] },
            "channel, pattern such as user/*, or * for all, that needs a token to listen to"),
        List<string>("cors", Units.TryOrigin, (o, v) => o with { Cors = [.. o.Cors, v] },
            "origin of another site whose pages may use the server, such as https://app.example.com"),
        List<string>("cluster", Units.TryNatsAddress, (o, v) => o with { Cluster = o.Cluster with { Servers = [.. o.Cluster.Servers, v] } },
            "NATS server, such as nats://a:4222, whose stream several hubs share as their log, in place of a journal"),
        Create<string>("cluster-stream", _defaults.Cluster.Stream, Units.TryStreamName,
            (o, v) => o with { Cluster = o.Cluster with { Stream = v } }, "stream that is the log, which the first hub creates"),
        Number("cluster-replicas", _defaults.Cluster.Replicas, 1, 5, (o, v) => o with { Cluster = o.Cluster with { Replicas = v } },
            "servers that keep the stream, when it is created"),
        Duration("cluster-timeout", _defaults.Cluster.Timeout, (o, v) => o with { Cluster = o.Cluster with { Timeout = v } },
            "longest a publish waits to be stored, and a start for the servers"),
        Text("cluster-creds", _defaults.Cluster.Creds, (o, v) => o with { Cluster = o.Cluster with { Creds = v } },
            "file with the credentials (JWT and NKey) for the servers"),
        Text("cluster-ca", _defaults.Cluster.Ca, (o, v) => o with { Cluster = o.Cluster with { Ca = v } },
            "PEM file with the authority that the servers' certificates are of; asks for TLS"),
        Text("cluster-cert", _defaults.Cluster.Cert, (o, v) => o with { Cluster = o.Cluster with { Cert = v } },
            "PEM file with the certificate that the servers are shown"),
        Text("cluster-key", _defaults.Cluster.Key, (o, v) => o with { Cluster = o.Cluster with { Key = v } }, "PEM file with its key"),
        Create<string>("cluster-password", None, Units.TryToken, (o, v) => o with { Cluster = o.Cluster with { Password = v } },
            "password for the servers; only in the environment, for everybody on the machine sees arguments", OptionKind.Variable),
        Secret<string>("cluster-password-file", Units.TryTokenFile, (o, v) => o with { Cluster = o.Cluster with { PasswordFile = v } },
            "file with the password for the servers"),
        Number("lanes", _defaults.Lanes, 1, 64, (o, v) => o with { Lanes = v },
            "threads that deliver; the default is half the processors, at least one"),
        Choice("log-level", _defaults.LogLevel, (o, v) => o with { LogLevel = v }, "debug, info, warning or error"),
        Choice("log-format", _defaults.LogFormat, (o, v) => o with { LogFormat = v }, "text, or json for an object a line"),
        Number("log-repeats", _defaults.LogRepeats, 1, int.MaxValue, (o, v) => o with { LogRepeats = v },
            "log lines of one kind a minute; the others are counted"),
    ];

    /// <summary>Reads the options; or prints what was asked for, or what is wrong, and returns the exit code.</summary>
    public static int Read(string[] args, IEnumerable<Command> verbs, Func<string, string?> environment, out ServerOptions? options)
    {
        options = null;
        var command = new RootCommand("A Server-Sent Events hub: subscribe with GET /events, publish with POST /events.");
        var arguments = Options.ToDictionary(option => option, ToArgument);
        arguments.Values.ToList().ForEach(command.Add);
        verbs.ToList().ForEach(command.Add);

        // Without a verb the program is the server, which an action cannot run.
        command.SetAction(_ => 0);

        // A value may begin with @, and a message must not quote a file.
        var parsed = command.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is { } action && action != command.Action && parsed.Errors.Count == 0)
            return parsed.Invoke();

        var read = new ServerOptions();
        var problem = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : null;
        var given = new HashSet<string>();
        foreach (var (option, argument) in arguments)
        {
            var texts = parsed.GetResult(argument)?.Tokens.Select(token => token.Value).ToList();
            problem ??= option.Read(texts, environment, ref read);
            if (texts is not null || !string.IsNullOrEmpty(environment(option.Variable)))
                given.Add(option.Name);
        }

        // Of a journal only what the user asks for contradicts a cluster, not the default.
        var wantsJournal = given.Contains("sync") || (given.Contains("data") && read.Data is not null);
        problem ??= read.Cluster.IsUsed && wantsJournal
            ? "--cluster contradicts --data and --sync: the cluster's log stands in place of the journal." : read.Contradiction;

        // The default of one is no wish for what the other rules out: larger events are refused one by one then.
        var most = read.Keep.Select(rule => rule.Bytes ?? read.History).Append(read.History).Max();
        if (given.Contains("max-body") && read.History > 0 && read.MaxBody > most)
            problem ??= "--max-body is more than --history or --keep keeps of any channel: such an event would be refused.";

        options = problem is null ? read : null;
        if (problem is null)
            return 0;

        Console.Error.WriteLine(LogWriter.OneLine($"{problem} See --help."));
        return UsageError;
    }

    private static Option<string[]> ToArgument(CommandLineOption option) => new(option.Argument)
    {
        Description = $"{option.Help} [{option.Variable}; default: {option.Default}]",
        HelpName = option.Kind is OptionKind.Flag ? null : option.Default == None ? "value" : option.Default,
        Arity = option.Kind switch
        {
            OptionKind.Flag => ArgumentArity.ZeroOrOne,
            OptionKind.List or OptionKind.Rules or OptionKind.Secrets => ArgumentArity.OneOrMore,
            _ => ArgumentArity.ExactlyOne,
        },

        // The library would accept several values only for a list.
        CustomParser = argument => [.. argument.Tokens.Select(token => token.Value)],
    };
}
