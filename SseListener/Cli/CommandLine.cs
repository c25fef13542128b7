using System.CommandLine;
using System.CommandLine.Help;
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

    /// <summary>All options, in the groups and the order in which help and <c>Docs/options.md</c> list them.</summary>
    public static IReadOnlyList<OptionGroup> Groups { get; } =
    [
        new("Serving",
            Number("port", _defaults.Port, 1, 65535, (o, v) => o with { Port = v }, "TCP port"),
            Create<string>("host", _defaults.Host, Units.TryHost, (o, v) => o with { Host = v },
                "name to answer to; + is every name", "HOST"),
            Text("public", "public", (o, v) => o with { Public = v }, "folder of the pages", "FOLDER"),
            Duration("heartbeat", _defaults.Heartbeat, (o, v) => o with { Heartbeat = v }, "silence before a comment is sent"),
            Duration("retry", _defaults.Retry, (o, v) => o with { Retry = v }, "wait of clients before they reconnect"),
            Duration("max-age", _defaults.MaxAge, (o, v) => o with { MaxAge = v }, "age at which streams end; 0 is never", orZero: true),
            Duration("drain", _defaults.Drain, (o, v) => o with { Drain = v }, "time over which a stop ends the streams", orZero: true),
            Number("lanes", _defaults.Lanes, 1, 64, (o, v) => o with { Lanes = v }, "threads that deliver")),
        new("History",
            Text("data", _defaults.Data, (o, v) => o with { Data = v == None ? null : v },
                "folder of history; none is memory only", "FOLDER"),
            Choice("sync", _defaults.Sync, (o, v) => o with { Sync = v }, "when an event counts as kept", "os|always"),
            Size("history", _defaults.History, 0, long.MaxValue, (o, v) => o with { History = v },
                "events kept for clients that come back"),
            Duration("history-age", _defaults.HistoryAge, (o, v) => o with { HistoryAge = v }, "how long events are kept"),
            Create<KeepRule>("keep", None, Units.TryKeepRule, (o, v) => o with { Keep = [.. o.Keep, v] },
                "what some channels keep, such as prices/*=1", "RULE", OptionKind.Rules)),
        new("Access",
            Secret("publish-token", Units.TryToken, (o, v) => o with { PublishToken = v },
                "token that publishers must send", "TOKEN"),
            Secret("publish-token-file", Units.TryTokenFile, (o, v) => o with { PublishTokenFile = v },
                "file with the token that publishers must send", "FILE"),
            Flag("open-publish", (o, v) => o with { OpenPublish = v }, "let anyone publish, also from other machines"),
            Create<IReadOnlyList<TokenKey>>("jwt-key", None, TokenKey.TryRead, (o, v) => o with { JwtKey = [.. o.JwtKey, .. v] },
                "key of signed tokens: a secret or a PEM file", "KEY", OptionKind.Secrets),
            List<KeySet>("jwks", KeySet.TryRead, (o, v) => o with { Jwks = [.. o.Jwks, v] },
                "set of keys of the issuer", "URL|FILE"),
            List<string>("jwt-issuer", Units.TryText, (o, v) => o with { JwtIssuer = [.. o.JwtIssuer, v] },
                "issuer that tokens must have"),
            Text("jwt-audience", _defaults.JwtAudience, (o, v) => o with { JwtAudience = v }, "audience that tokens must have"),
            Text("jwt-claim", _defaults.JwtClaim, (o, v) => o with { JwtClaim = v }, "claim with the rights of a token", "NAME"),
            List<string>("private", Units.TryChannels, (o, v) => o with { Private = [.. o.Private, v] },
                "channel or pattern that needs a token", "CHANNEL"),
            List<string>("cors", Units.TryOrigin, (o, v) => o with { Cors = [.. o.Cors, v] },
                "site whose pages may use the server", "ORIGIN"),
            Flag("trust-proxy", (o, v) => o with { TrustProxy = v }, "take addresses from a proxy on this machine")),
        new("Limits",
            Number("max-clients", _defaults.MaxClients, 1, int.MaxValue, (o, v) => o with { MaxClients = v }, "clients at a time"),
            Number("max-clients-per-address", _defaults.MaxClientsPerAddress, 0, int.MaxValue,
                (o, v) => o with { MaxClientsPerAddress = v }, "clients at one address; 0 is any number"),
            Number("max-channels", _defaults.MaxChannels, 1, int.MaxValue, (o, v) => o with { MaxChannels = v },
                "channels that keep events"),
            Number("max-publishes", _defaults.MaxPublishes, 1, int.MaxValue, (o, v) => o with { MaxPublishes = v },
                "publishes under way at a time"),
            Size("max-publish-bytes", _defaults.MaxPublishBytes, 1, long.MaxValue, (o, v) => o with { MaxPublishBytes = v },
                "bytes of their bodies at a time"),
            Size("max-answer-bytes", _defaults.MaxAnswerBytes, 1, long.MaxValue, (o, v) => o with { MaxAnswerBytes = v },
                "bytes of large answers on their way"),
            Size("max-body", _defaults.MaxBody, 1, 128 * 1024 * 1024, (o, v) => o with { MaxBody = (int)v }, "largest body of a publish"),
            Size("max-header", _defaults.MaxHeader, 256, 32 * 1024, (o, v) => o with { MaxHeader = (int)v },
                "largest request line with its fields"),
            Number("presence-limit", _defaults.PresenceLimit, 0, int.MaxValue, (o, v) => o with { PresenceLimit = v },
                "largest channel that has joins; 0 is off"),
            Duration("write-timeout", _defaults.WriteTimeout, (o, v) => o with { WriteTimeout = v }, "longest a client may take nothing"),
            Duration("body-timeout", _defaults.BodyTimeout, (o, v) => o with { BodyTimeout = v }, "longest a body may take to arrive"),
            Duration("idle-timeout", _defaults.IdleTimeout, (o, v) => o with { IdleTimeout = v },
                "longest a connection may have no request"),
            Size("send-buffer", _defaults.SendBuffer, 256, 64 * 1024 * 1024, (o, v) => o with { SendBuffer = (int)v },
                "bytes held for a client without room")),
        new("Cluster",
            List<string>("cluster", Units.TryNatsAddress,
                (o, v) => o with { Cluster = o.Cluster with { Servers = [.. o.Cluster.Servers, v] } },
                "NATS server whose stream is the hubs' log", "URL"),
            Create<string>("cluster-stream", _defaults.Cluster.Stream, Units.TryStreamName,
                (o, v) => o with { Cluster = o.Cluster with { Stream = v } }, "stream that is the log", "NAME"),
            Number("cluster-replicas", _defaults.Cluster.Replicas, 1, 5, (o, v) => o with { Cluster = o.Cluster with { Replicas = v } },
                "servers that keep the stream"),
            Duration("cluster-timeout", _defaults.Cluster.Timeout, (o, v) => o with { Cluster = o.Cluster with { Timeout = v } },
                "longest a publish waits to be stored"),
            Text("cluster-creds", _defaults.Cluster.Creds, (o, v) => o with { Cluster = o.Cluster with { Creds = v } },
                "credentials for the servers", "FILE"),
            Text("cluster-ca", _defaults.Cluster.Ca, (o, v) => o with { Cluster = o.Cluster with { Ca = v } },
                "authority of the servers' certificates", "FILE"),
            Text("cluster-cert", _defaults.Cluster.Cert, (o, v) => o with { Cluster = o.Cluster with { Cert = v } },
                "certificate that the servers are shown", "FILE"),
            Text("cluster-key", _defaults.Cluster.Key, (o, v) => o with { Cluster = o.Cluster with { Key = v } },
                "key of that certificate", "FILE"),
            Create<string>("cluster-password", None, Units.TryToken, (o, v) => o with { Cluster = o.Cluster with { Password = v } },
                "password for the servers; not as an argument", "PASSWORD", OptionKind.Variable),
            Secret("cluster-password-file", Units.TryTokenFile, (o, v) => o with { Cluster = o.Cluster with { PasswordFile = v } },
                "file with the password for the servers", "FILE")),
        new("Logging",
            Choice("log-level", _defaults.LogLevel, (o, v) => o with { LogLevel = v }, "debug, info, warning or error", "LEVEL"),
            Choice("log-format", _defaults.LogFormat, (o, v) => o with { LogFormat = v }, "json is an object a line", "text|json"),
            Number("log-repeats", _defaults.LogRepeats, 1, int.MaxValue, (o, v) => o with { LogRepeats = v },
                "lines of one kind a minute")),
    ];

    public static IReadOnlyList<CommandLineOption> Options { get; } = [.. Groups.SelectMany(group => group.Options)];

    /// <summary>Reads the options; or prints what was asked for, or what is wrong, and returns the exit code.</summary>
    public static int Read(string[] args, IEnumerable<Command> verbs, Func<string, string?> environment, out ServerOptions? options)
    {
        options = null;
        var command = new RootCommand("A Server-Sent Events hub: subscribe with GET /events, publish with POST /events.");
        Options.ToList().ForEach(option => command.Add(option.Symbol));
        verbs.ToList().ForEach(command.Add);
        command.Options.OfType<HelpOption>().Single().Action = new HelpText();
        command.Add(HelpVerb(command));

        // Another way to say the same.
        if (args is ["help", var name, ..] && command.Subcommands.Any(verb => verb.Name == name))
            args = [.. args[1..], "--help"];

        // Without a verb the program is the server, which an action cannot run.
        command.SetAction(_ => 0);

        // A value may begin with @, and a message must not quote a file.
        var parsed = command.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is { } action && action != command.Action && parsed.Errors.Count == 0)
            return parsed.Invoke();

        var read = new ServerOptions();
        var problem = parsed.Errors.Count > 0 ? parsed.Errors[0].Message + HintOf(parsed) : null;
        var given = new HashSet<string>();
        foreach (var option in Options)
        {
            problem ??= option.Read(parsed, environment, ref read);
            if (parsed.GetResult(option.Symbol) is not null || !string.IsNullOrEmpty(environment(option.Variable)))
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

    /// <summary>Reads some options as the server would, from what a verb was given and the environment; false says why not.</summary>
    public static bool TryRead(
        ParseResult parsed, string[] names, [NotNullWhen(true)] out ServerOptions? options, [NotNullWhen(false)] out string? problem)
    {
        var (read, wrong) = (new ServerOptions(), (string?)null);
        foreach (var option in Find(names))
            wrong ??= option.Read(parsed, Environment.GetEnvironmentVariable, ref read);

        (options, problem) = (wrong is null ? read : null, wrong);
        return problem is null;
    }

    public static IEnumerable<CommandLineOption> Find(string[] names) => Options.Where(option => names.Contains(option.Name));

    private static Command HelpVerb(RootCommand root)
    {
        var help = new Command("help", "Print this; help VERB is VERB --help.");
        help.SetAction(_ => root.Parse("--help").Invoke());
        return help;
    }

    // The library's own hints take several lines, and it has one for every word.
    private static string HintOf(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Options.Select(option => option.Name).Append("--help")
            .Concat(command.Subcommands.Concat(parsed.RootCommandResult.Command.Subcommands).Where(verb => !verb.Hidden)
                .Select(verb => verb.Name)).ToList();
        var message = parsed.Errors[0].Message;
        var unknown = parsed.UnmatchedTokens.FirstOrDefault(token => message.Contains($"'{token}'", StringComparison.Ordinal));
        return unknown is not null && Spelling.Nearest(unknown, names) is { } meant ? $" Did you mean {meant}?" : "";
    }
}
