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
    private const double PacedSeconds = 4;
    private const double CrowdRate = 5;

    // Bytes that the server takes in one request, less a little for each line.
    private const int LargestBatch = 900 * 1024;

    // Presence is off because the yardsticks announce nobody either.
    private const string Limits = "--presence-limit 0 --history 1GiB";
    private const string Hub = $"{Limits} --log-level warning";

    // A hub of a cluster warns of NATS servers that are not the newest.
    private const string ClusterHub = $"{Limits} --log-level error --port";

    // For latency without load: a few clients, and more events than a rate makes in a moment.
    private const int FewClients = 10;
    private const double LatencySeconds = 10;

    private static readonly Server[] _servers =
        [new("sselistener", $"{Hub} --data none --port"), new("naive", "bench-naive"), new("sockets", "bench-sockets")];

    private static readonly Server[] _journals =
    [
        new("none", $"{Hub} --data none --port"),
        new("os", $"{Hub} --data . --sync os --port"),
        new("always", $"{Hub} --data . --sync always --port"),
    ];

    private static readonly Server _journal = new("journal", $"{Hub} --data . --sync os --port");
    private static readonly Server[] _clusters = [new("1 node", ClusterHub, Nodes: 1), new("3 nodes", ClusterHub, Nodes: 3)];
    private static readonly Server[] _pairs = [.. _clusters.Select(server => server with { IsPair = true })];

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

    private static readonly Option<bool> _cluster = new("--cluster")
    {
        Description = "measure hubs that share a log on NATS servers, which are started too, beside one with a journal",
    };

    private static readonly Option<bool> _json = new("--json") { Description = "print JSON instead of the table" };

    /// <summary>The verb, and the two hidden ones that start the yardsticks.</summary>
    public static IEnumerable<Command> Create()
    {
        var bench = new Command("bench", "Measure this server beside others.")
        {
            _url, _token, _clients, _events, _size, _rate, _cluster, _json,
        };
        bench.SetAction(Run);
        return [bench, Yardstick("bench-naive", Yardsticks.RunNaiveAsync), Yardstick("bench-sockets", Yardsticks.RunSocketsAsync)];
    }

    private static int Run(ParseResult parsed)
    {
        try
        {
            return Measure(parsed).TrueForAll(measurement => measurement.IsFaultless) ? 0 : 1;
        }
        catch (Exception e) when (e is BenchException or SocketException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static List<Measurement> Measure(ParseResult parsed)
    {
        // Receiving takes a third of the time without the thread pool. .NET reads this when the first socket is used.
        Environment.SetEnvironmentVariable(Contender.InlineCompletions, "1");
        var (clients, isJson, all) = (parsed.GetValue(_clients), parsed.GetValue(_json), new List<Measurement>());
        if (clients > Descriptors.Limit - Descriptors.Reserve)
            throw new BenchException($"{clients} clients are more than the {Descriptors.Limit} file descriptors (ulimit -n) allow.");

        var (events, size, rate) = (parsed.GetValue(_events), parsed.GetValue(_size), parsed.GetValue(_rate));
        foreach (var (workload, servers) in Tables(parsed, clients, events, size, rate))
        {
            var columns = new List<Measurement>();
            foreach (var server in servers)
            {
                Console.Error.WriteLine($"{workload.Name}, {server.Name} ...");
                using var contender = parsed.GetValue(_url) is { } url
                    ? new Contender(new Target(url, parsed.GetValue(_token)))
                    : Contender.Start(server);
                columns.Add(workload.Measure(server.Name, contender));
            }

            all.AddRange(columns);
            if (!isJson)
                Report.Table(workload, columns).ToList().ForEach(Console.WriteLine);
        }

        if (isJson)
            Console.WriteLine(Report.Json(all));

        return all;
    }

    // Each workload, and for whom it is.
    private static IEnumerable<(IWorkload Workload, Server[] Servers)> Tables(
        ParseResult parsed, int clients, int events, int size, int rate)
    {
        if (parsed.GetValue(_url) is not null && parsed.GetValue(_cluster))
            throw new BenchException("--url measures one server, and --cluster starts its own.");

        if (parsed.GetValue(_url) is not null)
            return [(new DeliveryWorkload(rate > 0 ? "paced" : "burst", clients, events, size, rate), [new("server", "")])];

        var paced = Math.Max(rate, 1);
        if (parsed.GetValue(_cluster))
            return ClusterTables(events, size, paced);

        // Not more clients than there are file descriptors for, and some to spare.
        var crowd = Math.Min(Math.Min(clients * 8, 8000), Descriptors.Limit - (Descriptors.Reserve * 2));
        var batch = Math.Clamp(LargestBatch / size, 1, 1000);
        return
        [
            (new DeliveryWorkload("burst", clients, events, size), _servers),
            (new DeliveryWorkload("paced", clients, Math.Min(events, (int)(paced * PacedSeconds)), size, paced), _servers),
            (new DeliveryWorkload("crowd", crowd, Math.Min(events, 10), size, CrowdRate), _servers),
            (new DeliveryWorkload("catching up", Math.Max(clients / 2, 1), events, size, Resumes: true), _servers[..1]),
            (new PublishWorkload("publishing", Connections: 8, events, size, Batch: 1), _journals),
            (new PublishWorkload("batches", Connections: 1, Math.Max(events / 10, 1) * batch, size, batch), _journals),
        ];
    }

    private static IEnumerable<(IWorkload Workload, Server[] Servers)> ClusterTables(int events, int size, int rate)
    {
        var (clusters, pairs) = NatsNodes.Find() is null ? ([], []) : (_clusters, _pairs);
        if (clusters.Length == 0)
            Console.Error.WriteLine(NatsNodes.Missing);

        var paced = Math.Min(events, (int)(rate * LatencySeconds));
        yield return (new PublishWorkload("publishing", Connections: 8, events, size, Batch: 1), [_journal, .. clusters]);
        yield return (new DeliveryWorkload("same hub", FewClients, paced, size, rate), [_journal, .. clusters]);
        if (pairs.Length > 0)
            yield return (new DeliveryWorkload("other hub", FewClients, paced, size, rate, IsElsewhere: true), pairs);
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
