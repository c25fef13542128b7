using System.CommandLine;
using System.Globalization;
using SseListener.Access;
using SseListener.Http;
using SseListener.Journal;
using SseListener.Log;

namespace SseListener.Cli;

/// <summary>
/// Turns arguments and environment into <see cref="ServerOptions"/>. One table names every option, its unit, its default and
/// its check; an argument comes before the environment, and the environment before the default.
/// </summary>
internal static class CommandLine
{
    /// <summary>Exit code for a command line that cannot be understood.</summary>
    public const int UsageError = 2;

    private const string None = "none";

    /// <summary>All options, in the order in which help lists them.</summary>
    public static IReadOnlyList<CommandLineOption> Options { get; } =
    [
        Number("port", "3000", "TCP port", 1, 65535, (o, v) => o with { Port = v }),
        new("host", "localhost", "host name to answer to; localhost includes 127.0.0.1 and ::1, + is every name and address", Units.TryHost, (o, v) => o with { Host = (string)v }),
        new("public", "public", "folder of the pages; the default falls back to the pages within the program", Units.TryText, (o, v) => o with { Public = (string)v }),
        new("data", "data", "folder that history is kept in; none keeps it in memory only", Units.TryText, (o, v) => o with { Data = (string)v == "none" ? null : (string)v }),
        new("sync", "os", "when an event counts as kept: os, once the operating system has it, or always, once it is on the disk", Units.TryName<JournalSync>, (o, v) => o with { Sync = (JournalSync)v }),
        Size("history", "64MiB", "bytes of events kept for clients that come back", 0, long.MaxValue, (o, v) => o with { History = v }),
        Duration("history-age", "24h", "how long events are kept", (o, v) => o with { HistoryAge = v }),
        Duration("heartbeat", "15s", "silence after which a stream gets a comment", (o, v) => o with { Heartbeat = v }),
        Duration("retry", "3s", "how long clients are told to wait before reconnecting, give or take a quarter", (o, v) => o with { Retry = v }),
        Duration("write-timeout", "30s", "longest a client may take nothing of what is written to it", (o, v) => o with { WriteTimeout = v }),
        Size("send-buffer", "256KiB", "bytes that the operating system holds for a client that has no room for them (Linux)", 256, 64 * 1024 * 1024, (o, v) => o with { SendBuffer = (int)v }),
        DurationOrZero("max-age", "0", "age at which streams end, give or take a fifth, so that clients spread over servers; 0 for never", (o, v) => o with { MaxAge = v }),
        DurationOrZero("drain", "2s", "time over which a stop spreads the end of the streams; 0 for all at once", (o, v) => o with { Drain = v }),
        Duration("body-timeout", "10s", "longest the body of a request may take to arrive", (o, v) => o with { BodyTimeout = v }),
        Duration("idle-timeout", "15s", "longest a connection may stay open without a request", (o, v) => o with { IdleTimeout = v }),
        Number("max-clients", "20000", "clients at a time", 1, int.MaxValue, (o, v) => o with { MaxClients = v }),
        Number("max-clients-per-address", "0", "clients at a time at one address (a /64 of IPv6); 0 for any number", 0, int.MaxValue, (o, v) => o with { MaxClientsPerAddress = v }),
        Flag("trust-proxy", "take a client's address from X-Forwarded-For when a proxy on this machine sends it", (o, v) => o with { TrustProxy = v }),
        Number("max-channels", "100000", "channels that keep events, and as many channels and patterns with listeners only", 1, int.MaxValue, (o, v) => o with { MaxChannels = v }),
        Number("max-publishes", "1000", "publishes under way at a time", 1, int.MaxValue, (o, v) => o with { MaxPublishes = v }),
        Size("max-publish-bytes", "64MiB", "bytes of bodies under way at a time, beyond 16KiB for each", 1, long.MaxValue, (o, v) => o with { MaxPublishBytes = v }),
        Size("max-body", "1MiB", "largest body of a publish", 1, 128 * 1024 * 1024, (o, v) => o with { MaxBody = (int)v }),
        Size("max-header", "32KiB", "largest request line with its header fields, up to 32KiB", 256, 32 * 1024, (o, v) => o with { MaxHeader = (int)v }),
        Number("presence-limit", "100", "most clients of a channel that are told who joins and leaves; 0 is off", 0, int.MaxValue, (o, v) => o with { PresenceLimit = v }),
        Secret("publish-token", "token that publishers must send", Units.TryToken, (o, v) => o with { PublishToken = (string)v }),
        Secret("publish-token-file", "file with the token that publishers must send", Units.TryTokenFile, (o, v) => o with { PublishTokenFile = (string)v }),
        Flag("open-publish", "let anyone publish, also from other machines", (o, v) => o with { OpenPublish = v }),
        Secret("jwt-key", "key of JSON Web Tokens: a secret of 32 bytes or more (HS256), or a PEM file (RS256, ES256)", TokenKey.TryRead, (o, v) => o with { JwtKey = (TokenKey)v }),
        Text("jwt-issuer", "issuer that tokens must have", (o, v) => o with { JwtIssuer = v }),
        Text("jwt-audience", "audience that tokens must have", (o, v) => o with { JwtAudience = v }),
        List("private", "channel, pattern such as user/*, or * for all, that needs a token to listen to", Units.TryChannels, (o, v) => o with { Private = [.. o.Private, v] }),
        List("cors", "origin of another site whose pages may use the server, such as https://app.example.com", Units.TryOrigin, (o, v) => o with { Cors = [.. o.Cors, v] }),
        Number("lanes", new ServerOptions().Lanes.ToString(CultureInfo.InvariantCulture), "threads that deliver; the default is half the processors, at least one", 1, 64, (o, v) => o with { Lanes = v }),
        new("log-level", "info", "debug, info, warning or error", Units.TryName<LogLevel>, (o, v) => o with { LogLevel = (LogLevel)v }),
        new("log-format", "text", "text, or json for an object a line", Units.TryName<LogFormat>, (o, v) => o with { LogFormat = (LogFormat)v }),
        Number("log-repeats", "100", "log lines of one kind a minute; the others are counted", 1, int.MaxValue, (o, v) => o with { LogRepeats = v }),
    ];

    /// <summary>Reads the options, or prints what was asked for or what is wrong.</summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="verbs">What the program can do beside serving.</param>
    /// <param name="environment">Looks up a variable of the environment.</param>
    /// <param name="options">What to start with, or null to end at once.</param>
    /// <returns>The exit code when <paramref name="options"/> is null.</returns>
    public static int Read(string[] args, IEnumerable<Command> verbs, Func<string, string?> environment, out ServerOptions? options)
    {
        options = null;
        var command = new RootCommand("A Server-Sent Events hub: subscribe with GET /events, publish with POST /events.");
        var arguments = Options.ToDictionary(knob => knob, AsOption);
        foreach (var argument in arguments.Values)
        {
            command.Add(argument);
        }

        // Without a verb the program is the server, which it takes more than an action to run.
        command.SetAction(_ => 0);
        foreach (var verb in verbs)
        {
            command.Add(verb);
        }

        // A name may begin with @, and what stands in a file is not for a message.
        var parsed = command.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is { } action && action != command.Action && parsed.Errors.Count == 0)
        {
            return parsed.Invoke();
        }

        var read = new ServerOptions();
        var problem = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : null;
        foreach (var (knob, argument) in arguments)
        {
            problem ??= knob.Take(Values(knob, parsed, argument), environment, ref read);
        }

        problem ??= read.Contradiction;

        if (problem is not null)
        {
            Console.Error.WriteLine(LogWriter.OneLine($"{problem} See --help."));
            return UsageError;
        }

        options = read;
        return 0;
    }

    private static Option<string[]> AsOption(CommandLineOption knob) => new(knob.Argument)
    {
        Description = $"{knob.Help} [{knob.Variable}; default: {knob.Default}]",
        HelpName = knob.Kind is OptionKind.Flag ? null : knob.Default == None ? "value" : knob.Default,
        Arity = knob.Kind switch
        {
            OptionKind.Flag => ArgumentArity.ZeroOrOne,
            OptionKind.List => ArgumentArity.OneOrMore,
            _ => ArgumentArity.ExactlyOne,
        },

        // The library would take only a list for an array.
        CustomParser = argument => [.. argument.Tokens.Select(token => token.Value)],
    };

    // A flag that stands alone is set.
    private static string[]? Values(CommandLineOption knob, ParseResult parsed, Option<string[]> argument) =>
        parsed.GetResult(argument) is null ? null
        : parsed.GetValue(argument) is { Length: > 0 } values ? values
        : knob.Kind is OptionKind.Flag ? ["true"]
        : [];

    private static CommandLineOption Number(string name, string standard, string help, int least, int most, Func<ServerOptions, int, ServerOptions> set) =>
        new(name, standard, help, Units.NumberBetween(least, most), (o, v) => set(o, (int)v));

    private static CommandLineOption Size(string name, string standard, string help, long least, long most, Func<ServerOptions, long, ServerOptions> set) =>
        new(name, standard, help, Units.SizeBetween(least, most), (o, v) => set(o, (long)v));

    private static CommandLineOption Text(string name, string help, Func<ServerOptions, string, ServerOptions> set) =>
        new(name, None, help, Units.TryText, (o, v) => set(o, (string)v));

    private static CommandLineOption Secret(string name, string help, TryRead read, Func<ServerOptions, object, ServerOptions> set) =>
        new(name, None, help, read, set) { Kind = OptionKind.Secret };

    private static CommandLineOption Flag(string name, string help, Func<ServerOptions, bool, ServerOptions> set) =>
        new(name, "false", help, Units.TryFlag, (o, v) => set(o, (bool)v)) { Kind = OptionKind.Flag };

    private static CommandLineOption List(string name, string help, TryRead read, Func<ServerOptions, string, ServerOptions> set) =>
        new(name, None, help, read, (o, v) => set(o, (string)v)) { Kind = OptionKind.List };

    private static CommandLineOption Duration(string name, string standard, string help, Func<ServerOptions, TimeSpan, ServerOptions> set) =>
        new(name, standard, help, Units.TryDuration, (o, v) => set(o, (TimeSpan)v));

    private static CommandLineOption DurationOrZero(string name, string standard, string help, Func<ServerOptions, TimeSpan, ServerOptions> set) =>
        new(name, standard, help, Units.TryDurationOrZero, (o, v) => set(o, (TimeSpan)v));
}
