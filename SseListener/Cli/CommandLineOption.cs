using SseListener.Http;

namespace SseListener.Cli;

/// <summary>Reads a value from text; false leaves what it should look like in <paramref name="value"/>.</summary>
internal delegate bool TryRead(string text, out object value);

/// <summary>How an option is given.</summary>
internal enum OptionKind
{
    /// <summary>With one value.</summary>
    Value,

    /// <summary>With one value, which is nobody's business.</summary>
    Secret,

    /// <summary>Alone, or with true or false.</summary>
    Flag,

    /// <summary>Any number of times, each with a value; in the environment separated by commas.</summary>
    List,
}

/// <summary>One option of the server.</summary>
/// <param name="Name">Its name, without the dashes.</param>
/// <param name="Default">Its default, as one would write it.</param>
/// <param name="Help">What it is, in a few words.</param>
/// <param name="Read">Reads its value.</param>
/// <param name="Set">Puts the value in its place.</param>
internal sealed record CommandLineOption(string Name, string Default, string Help, TryRead Read, Func<ServerOptions, object, ServerOptions> Set)
{
    /// <summary>How it is given.</summary>
    public OptionKind Kind { get; init; }

    /// <summary>How it is written on the command line.</summary>
    public string Argument => "--" + Name;

    /// <summary>The variable of the environment that it is also taken from.</summary>
    public string Variable => Name == "port" ? "PORT" : "SSE_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Sets the option from its arguments or else its variable, if either is there.</summary>
    /// <param name="arguments">The values on the command line; null when it is not there.</param>
    /// <param name="environment">Looks up a variable of the environment.</param>
    /// <param name="options">What to set.</param>
    /// <returns>What is wrong with the value, or null.</returns>
    public string? Take(IReadOnlyList<string>? arguments, Func<string, string?> environment, ref ServerOptions options)
    {
        foreach (var text in arguments ?? FromEnvironment(environment(Variable)))
        {
            if (!Read(text, out var value))
            {
                var name = arguments is null ? Variable : Argument;
                return Kind is OptionKind.Secret ? $"{name} is {value}." : $"{name} is {value}, not '{text}'.";
            }

            options = Set(options, value);
        }

        return null;
    }

    // An empty one counts as not set: a container's or a unit's file cannot take a variable away.
    private string[] FromEnvironment(string? text) =>
        string.IsNullOrEmpty(text) ? []
        : Kind is OptionKind.List ? text.Split(',', StringSplitOptions.TrimEntries)
        : [text];
}
