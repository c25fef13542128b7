using System.CommandLine;
using System.Text.RegularExpressions;
using SseListener.Http;

namespace SseListener.Cli;

/// <summary>Reads a value from text; if it is none, <paramref name="expected"/> says what it should be.</summary>
internal delegate bool TryParse<T>(string text, [MaybeNullWhen(false)] out T value, out string expected);

internal delegate ServerOptions Setter<T>(ServerOptions options, T value);

/// <summary>Sets one of the options to the value in a text; null, and what the text should be, if it is none.</summary>
internal delegate ServerOptions? TextSetter(ServerOptions options, string text, out string expected);

/// <summary>How an option is given.</summary>
internal enum OptionKind
{
    Value, // One value.
    Secret, // A value that no message repeats.
    Secrets, // Such a value, any number of times.
    Variable, // Such a value, only in the environment.
    Flag, // Alone, or with true or false.
    List, // A value any number of times, or several with commas between them.
    Rules, // The same where a value may have commas: one begins at the only part with an equals sign.
}

/// <summary>Options that belong together, and what their table is called in help and in <c>Docs/options.md</c>.</summary>
internal sealed record OptionGroup(string Name, params IReadOnlyList<CommandLineOption> Options);

/// <summary>
/// One option of the server: its name without the dashes, its default as a user would write it, what help calls its value, and the few
/// words that help has room for. <c>Docs/options.md</c> says more, with those words first.
/// </summary>
internal sealed record CommandLineOption(string Name, string Default, string Value, string Help, OptionKind Kind, TextSetter Set)
{
    public const string None = "none";
    public string Argument => "--" + Name;
    public string Variable => VariableOf(Name);

    /// <summary>The option as the library parses it, for the server and for verbs that have it too.</summary>
    public Option<string[]> Symbol { get; } = new("--" + Name)
    {
        Description = $"{Help} [{VariableOf(Name)}]",
        HelpName = Value,
        Arity = Kind switch
        {
            OptionKind.Flag => ArgumentArity.ZeroOrOne,
            OptionKind.List or OptionKind.Rules or OptionKind.Secrets => ArgumentArity.OneOrMore,
            _ => ArgumentArity.ExactlyOne,
        },

        // The library would accept several values only for a list.
        CustomParser = argument => [.. argument.Tokens.Select(token => token.Value)],
    };

    public static CommandLineOption Number(string name, int standard, int least, int most, Setter<int> set, string help) =>
        Create(name, standard.ToString(CultureInfo.InvariantCulture), Units.NumberBetween(least, most), set, help, "N");

    public static CommandLineOption Size(string name, long standard, long least, long most, Setter<long> set, string help) =>
        Create(name, Units.SizeText(standard), Units.SizeBetween(least, most), set, help, "SIZE");

    public static CommandLineOption Duration(string name, TimeSpan standard, Setter<TimeSpan> set, string help, bool orZero = false) =>
        Create<TimeSpan>(name, Units.DurationText(standard), orZero ? Units.TryDurationOrZero : Units.TryDuration, set, help, "DURATION");

    public static CommandLineOption Choice<T>(string name, T standard, Setter<T> set, string help, string value) where T : struct, Enum =>
        Create(name, Units.NameText(standard), Units.TryName, set, help, value);

    public static CommandLineOption Text(string name, string? standard, Setter<string> set, string help, string value = "TEXT") =>
        Create(name, standard ?? None, Units.TryText, set, help, value);

    public static CommandLineOption Secret(string name, TryParse<string> tryParse, Setter<string> set, string help, string value) =>
        Create(name, None, tryParse, set, help, value, OptionKind.Secret);

    public static CommandLineOption Flag(string name, Setter<bool> set, string help) =>
        Create(name, "false", Units.TryFlag, set, help, "true|false", OptionKind.Flag);

    public static CommandLineOption List<T>(string name, TryParse<T> tryParse, Setter<T> set, string help, string value = "TEXT") =>
        Create(name, None, tryParse, set, help, value, OptionKind.List);

    public static CommandLineOption Create<T>(
        string name, string standard, TryParse<T> tryParse, Setter<T> set, string help, string value,
        OptionKind kind = OptionKind.Value) =>
        new(name, standard, value, help, kind, (options, text, out expected) =>
            tryParse(text, out var value, out expected) ? set(options, value) : null);

    /// <summary>Sets the option from what was parsed or its variable; returns what is wrong, or null.</summary>
    public string? Read(ParseResult parsed, Func<string, string?> environment, ref ServerOptions options) =>
        Read(parsed.GetResult(Symbol)?.Tokens.Select(token => token.Value).ToList(), environment, ref options);

    /// <summary>Sets the option from its arguments (none stands for true) or its variable; returns what is wrong, or null.</summary>
    public string? Read(IReadOnlyList<string>? arguments, Func<string, string?> environment, ref ServerOptions options)
    {
        var name = arguments is null ? Variable : Argument;
        if (arguments is not null && Kind is OptionKind.Variable)
            return $"{Argument} would be seen by everybody on this machine: set {Variable}.";

        // An empty variable counts as not set: a container's or a unit's file cannot remove one.
        var texts = arguments is [] ? ["true"] : arguments ?? (environment(Variable) is { Length: > 0 } one ? [one] : []);
        foreach (var text in texts.SelectMany(Split))
        {
            if (Set(options, text, out var expected) is not { } changed)
                return IsSecret(text) ? $"{name} is {expected}." : $"{name} is {expected}, not '{text}'.";

            options = changed;
        }

        return null;
    }

    private static string VariableOf(string name) => name == "port" ? "PORT" : "SSE_" + name.ToUpperInvariant().Replace('-', '_');

    // An address may have a password in it.
    private bool IsSecret(string text) => Kind is OptionKind.Secret or OptionKind.Secrets or OptionKind.Variable
        || (Name is "cluster" or "jwks" && text.Contains("://", StringComparison.Ordinal));

    private IEnumerable<string> Split(string text) => Kind switch
    {
        OptionKind.List => text.Split(',', StringSplitOptions.TrimEntries),
        OptionKind.Rules => Regex.Split(text, ",(?=[^,]*=)").Select(rule => rule.Trim()),
        _ => [text],
    };
}
