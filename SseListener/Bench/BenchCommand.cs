using System.CommandLine;
using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>Nothing can be measured; the message says why, for the user.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "It always has a message.")]
internal sealed class BenchException(string message) : Exception(message);

/// <summary>
/// <c>bench</c>: measures this program beside two yardsticks that it carries, or a server that runs already, and checks that every
/// subscriber gets every event once and in order.
/// </summary>
internal static class BenchCommand
{
    private static readonly Option<string?> _url = new("--url")
    {
        Description = "measure the SSE server that runs here instead; events are published by POST to the same URL",
        HelpName = "URL",
    };

    private static readonly Option<string?> _token = new("--token") { Description = "bearer token for --url", HelpName = "TOKEN" };
    private static readonly Option<int> _clients = Number("--clients", 1000, "subscribers", 1, 20_000);
    private static readonly Option<int> _events = Number("--events", 2000, "events", 1, 1_000_000);
    private static readonly Option<int> _size = Number("--size", 100, "bytes of an event's JSON", 64, 1024 * 1024);
    private static readonly Option<int> _rate =
        Number("--rate", 50, "events a second where they are paced; 0 with --url is back to back", 0, 100_000);

    private static readonly Option<int> _channels =
        Number("--channels", 0, "channels that --url's subscribers and events are dealt to in turn; 0 is none in particular", 0, 20_000);

    private static readonly Option<bool> _json = new("--json") { Description = "print JSON instead of the table" };

    /// <summary>The verb, and the two hidden ones that start the yardsticks.</summary>
    public static IEnumerable<Command> Create()
    {
        var bench = new Command("bench", "Measure this server beside others on this machine.")
        {
            _url, _token, _clients, _events, _size, _rate, _channels, _json,
        };
        bench.SetAction(Run);
        return [bench, Yardstick("bench-naive", Naive.RunAsync), Yardstick("bench-sockets", port => Task.Run(() => BareSockets.Run(port)))];
    }

    private static int Run(ParseResult parsed)
    {
        try
        {
            return Measure(parsed) ? 0 : 1;
        }
        catch (Exception e) when (e is BenchException or SocketException or FormatException or OverflowException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    // Returns whether nothing was wrong.
    private static bool Measure(ParseResult parsed)
    {
        // Receiving takes a third of the time without the thread pool. .NET reads this when the first socket is used.
        Environment.SetEnvironmentVariable(Contender.InlineCompletions, "1");
        var (clients, json) = (parsed.GetValue(_clients), parsed.GetValue(_json));
        if (clients > Descriptors.Limit - Descriptors.Reserve)
            throw new BenchException($"{clients} clients are more than the {Descriptors.Limit} file descriptors (ulimit -n) allow.");

        var comparison = new Comparison(clients, parsed.GetValue(_events), parsed.GetValue(_size), Math.Max(parsed.GetValue(_rate), 1));
        var all = new List<Measurement>();
        foreach (var table in parsed.GetValue(_url) is { } url ? [[RunningServer(parsed, url)]] : comparison.Tables())
        {
            var measured = table.Select(Measure).ToList();
            all.AddRange(measured);
            if (!json)
                Report.Table(table[0].Workload, measured).ToList().ForEach(Console.WriteLine);
        }

        if (json)
            Console.WriteLine(Report.Json(all));

        return all.TrueForAll(measurement => measurement.IsFaultless);
    }

    private static Measurement Measure(Column column)
    {
        Console.Error.WriteLine($"{column.Workload.Name}, {column.Name} ...");
        using var contender = column.Start();
        contender.WaitUntilListening();
        return column.Workload.Measure(column.Name, contender);
    }

    private static Column RunningServer(ParseResult parsed, string url)
    {
        var (rate, channels, clients) = (parsed.GetValue(_rate), parsed.GetValue(_channels), parsed.GetValue(_clients));
        if (channels > 0 && clients % channels != 0)
            throw new BenchException($"{clients} clients cannot be dealt to {channels} channels evenly.");

        var name = rate > 0 ? "paced" : "burst";
        var workload = new DeliveryWorkload(name, clients, parsed.GetValue(_events), parsed.GetValue(_size), rate, channels);
        return new Column("server", workload, () => new Contender(new Target(url, parsed.GetValue(_token))));
    }

    private static Command Yardstick(string name, Func<int, Task> run)
    {
        var port = new Argument<int>("port");
        var command = new Command(name) { port };
        command.Hidden = true;
        command.SetAction(async (parsed, _) => await run(parsed.GetValue(port)));
        return command;
    }

    private static Option<int> Number(string name, int standard, string help, int least, int most) => new(name)
    {
        Description = help,
        DefaultValueFactory = _ => standard,
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var value) || value < least || value > most))
                    result.AddError($"{name} is a number from {least} to {most}, not '{token.Value}'.");
            },
        },
    };
}
