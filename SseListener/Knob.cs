namespace SseListener;

/// <summary>Reads a value from text; false leaves what it should look like in <paramref name="value"/>.</summary>
internal delegate bool TryRead(string text, out object value);

/// <summary>One option of the server.</summary>
/// <param name="Name">Its name, without the dashes.</param>
/// <param name="Default">Its default, as one would write it.</param>
/// <param name="Help">What it is, in a few words.</param>
/// <param name="Read">Reads its value.</param>
/// <param name="Set">Puts the value in its place.</param>
internal sealed record Knob(string Name, string Default, string Help, TryRead Read, Func<ServerOptions, object, ServerOptions> Set)
{
    /// <summary>How it is written on the command line.</summary>
    public string Argument => "--" + Name;

    /// <summary>The variable of the environment that it is also taken from.</summary>
    public string Variable => Name == "port" ? "PORT" : "SSE_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Sets the option from its argument or else its variable, if either is there.</summary>
    /// <returns>What is wrong with the value, or null.</returns>
    public string? Take(string? argument, Func<string, string?> environment, ref ServerOptions options)
    {
        var text = argument ?? environment(Variable);
        if (text is null)
        {
            return null;
        }

        if (!Read(text, out var value))
        {
            return $"{(argument is null ? Variable : Argument)} is {value}, not '{text}'.";
        }

        options = Set(options, value);
        return null;
    }
}
