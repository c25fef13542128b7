using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using static SseListener.Cli.CommandLineOption;

namespace SseListener.Cli;

/// <summary>What <c>--help</c> prints: of the program two screens, one option a line; of a verb what the library makes of it.</summary>
internal sealed class HelpText : SynchronousCommandLineAction
{
    private const int Columns = 80;
    private readonly HelpAction _ofVerb = new() { MaxWidth = Columns };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is not RootCommand root)
            return _ofVerb.Invoke(parseResult);

        parseResult.InvocationConfiguration.Output.Write(string.Join('\n', LinesOf(root)) + "\n");
        return 0;
    }

    private static IEnumerable<string> LinesOf(RootCommand root)
    {
        var name = root.HelpName ?? root.Name;
        var width = CommandLine.Options.Max(option => SyntaxOf(option).Length);
        var row = (string left, string right) => $"  {left.PadRight(width)}  {right}";
        var verbs = root.Subcommands.Where(verb => !verb.Hidden).Select(verb => row(SyntaxOf(verb), verb.Description!));
        var groups = CommandLine.Groups.SelectMany(group => group.Options.Select(option => row(SyntaxOf(option), MeaningOf(option)))
            .Prepend(group.Name).Prepend(""));
        return
        [
            root.Description!, "",
            $"Usage: {name} [OPTIONS]  starts the server",
            $"       {name} VERB …     does something else; VERB --help says more",
            $"       {name} --version", "",
            "Verbs", .. verbs, .. groups, "",
            "Each option is also a variable of the environment: SSE_MAX_BODY for --max-body,",
            "but PORT for --port. An argument comes first. Durations are 300ms, 15s, 2m, 24h;",
            "sizes 64KiB, 1MiB. What ends with … may be repeated; only keys have no commas.", "",
            "Examples",
            $"  {name} --port 8080 --publish-token-file token --data /var/lib/sse",
            $"  {name} tail 'localhost:3000?channel=orders/*'",
            $"  {name} pub localhost:3000 'Hello, all.' --channel orders/42",
        ];
    }

    private static string SyntaxOf(Command verb) => string.Join(' ', verb.Arguments
        .Select(argument => argument.Arity.MinimumNumberOfValues == 0 ? $"[{argument.Name}]" : argument.Name).Prepend(verb.Name));

    private static string SyntaxOf(CommandLineOption option) => option.Kind switch
    {
        OptionKind.Flag => option.Argument,
        OptionKind.Variable => option.Variable,
        OptionKind.List or OptionKind.Rules or OptionKind.Secrets => $"{option.Argument} <{option.Value}>…",
        _ => $"{option.Argument} <{option.Value}>",
    };

    private static string MeaningOf(CommandLineOption option) =>
        option.Kind is OptionKind.Flag || option.Default == None ? option.Help : $"{option.Help} [{option.Default}]";
}
