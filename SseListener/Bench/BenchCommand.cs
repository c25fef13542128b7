using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>
/// <c>bench</c>: measures this program beside two yardsticks that it carries, or a server that runs already, and checks that every
/// subscriber gets every event once and in order.
/// </summary>
internal static class BenchCommand
{
    // The server's own options do not matter here, but that nobody is told who joins: the yardsticks tell nobody either.
    private const string Hub = "--port {0} --presence-limit 0 --history 1GiB --log-level warning ";
    private const int LargestCrowd = 10_000;
    private const double PacedSeconds = 4;
    private const double CrowdRate = 5;

    // Bytes: what the server takes in one request, less a little for each line.
    private const int LargestBatch = 900 * 1024;

    private static readonly (string Name, string Arguments)[] _contenders =
        [("sselistener", Hub + "--data none"), ("naive", "bench-naive {0}"), ("sockets", "bench-sockets {0}")];

    private static readonly (string Name, string Arguments)[] _journals =
        [("none", Hub + "--data none"), ("os", Hub + "--data {1} --sync os"), ("always", Hub + "--data {1} --sync always")];

    private static readonly Option<string?> _url = new("--url") { Description = "measure the SSE server that runs here instead; events are published by POST to the same URL", HelpName = "URL" };
    private static readonly Option<string?> _token = new("--token") { Description = "bearer token for --url", HelpName = "TOKEN" };
    private static readonly Option<int> _clients = Number("--clients", 1000, "subscribers", 1, 20_000);
    private static readonly Option<int> _events = Number("--events", 2000, "events", 1, 1_000_000);
    private static readonly Option<int> _size = Number("--size", 100, "bytes of an event's JSON", 64, 1024 * 1024);
    private static readonly Option<int> _rate = Number("--rate", 50, "events a second where they are paced; 0 with --url is back to back", 0, 100_000);
    private static readonly Option<int> _channels = Number("--channels", 0, "channels that --url's subscribers and events are dealt to in turn; 0 is none in particular", 0, 20_000);
    private static readonly Option<bool> _json = new("--json") { Description = "print JSON instead of the table" };

    /// <summary>The verb and the two hidden ones that start the yardsticks.</summary>
    public static IEnumerable<Command> Create()
    {
        var bench = new Command("bench", "Measure this server beside others on this machine.") { _url, _token, _clients, _events, _size, _rate, _channels, _json };
        bench.SetAction(parsed =>
        {
            try
            {
                return Measure(parsed);
            }
            catch (Exception e) when (e is BenchException or SocketException or FormatException or OverflowException)
            {
                Console.Error.WriteLine(e.Message);
                return 1;
            }
        });
        yield return bench;
        yield return Yardstick("bench-naive", port => Naive.RunAsync(port));
        yield return Yardstick("bench-sockets", port => Task.Run(() => BareSockets.Run(port)));
    }

    private static int Measure(ParseResult parsed)
    {
        // What has been received is looked at on the thread that learns of it: through the thread pool it took the bench 60 s to
        // receive what it now receives in 20. Read when the first socket is used, so this is early enough.
        Environment.SetEnvironmentVariable(Contender.InlineCompletions, "1");
        if (parsed.GetValue(_clients) > Descriptors.Limit - Descriptors.Reserve)
        {
            throw new BenchException($"{parsed.GetValue(_clients)} clients are more than the {Descriptors.Limit} file descriptors (ulimit -n) allow.");
        }

        var all = new List<Measurement>();
        foreach (var table in parsed.GetValue(_url) is { } url ? Running(parsed, url) : Comparison(parsed))
        {
            var columns = table.Select(Measure).ToList();
            all.AddRange(columns);
            if (!parsed.GetValue(_json))
            {
                Report.Table(table[0].Workload, columns).ToList().ForEach(Console.WriteLine);
            }
        }

        if (parsed.GetValue(_json))
        {
            Console.WriteLine(Report.Json(all));
        }

        return all.All(measurement => measurement.IsFaultless) ? 0 : 1;
    }

    private static Measurement Measure(Column column)
    {
        Console.Error.WriteLine($"{column.Workload.Name}, {column.Name} ...");
        using var contender = column.Start();
        return column.Workload.Measure(column.Name, contender);
    }

    private static IEnumerable<List<Column>> Comparison(ParseResult parsed)
    {
        var (clients, events, size, rate) = (parsed.GetValue(_clients), parsed.GetValue(_events), parsed.GetValue(_size), Math.Max(parsed.GetValue(_rate), 1));
        yield return Columns(new Workload("burst", clients, events, size, Rate: 0), _contenders);
        yield return Columns(new Workload("paced", clients, Math.Min(events, (int)(rate * PacedSeconds)), size, rate), _contenders);
        var crowd = Crowd(Math.Min(clients * 8, 8000));
        yield return Columns(new Workload("crowd", crowd, Math.Min(events, 10), size, CrowdRate), _contenders);
        yield return Growing(crowd, Math.Max(crowd / 16, 1), Math.Clamp(events / 10, 1, 20), size);
        yield return Columns(new Workload("catching up", Math.Max(clients / 2, 1), events, size, Rate: 0, Resumes: true), _contenders[..1]);
        yield return [Channels(Crowd(clients * 10), events, size), Channels(10, events, size)];
        yield return Columns(new PublishWorkload("publishing", Connections: 8, events, size, Batch: 1), _journals);
        var batch = Math.Clamp(LargestBatch / size, 1, 1000);
        yield return Columns(new PublishWorkload("batches", Connections: 1, Math.Max(events / 10, 1) * batch, size, batch), _journals);
    }

    // What an event costs by itself is shared by all its deliveries, so with as many events few look dear; hence the third column.
    private static List<Column> Growing(int many, int few, int events, int size)
    {
        var beside = string.Create(CultureInfo.InvariantCulture, $"; beside them {few:N0}, with as many events, and with as many deliveries");
        var workload = new Workload("growing", many, events, size, CrowdRate, Beside: beside);
        var factor = many / few;
        return
        [
            Own($"{many:N0}", workload),
            Own($"{few:N0}", workload with { Clients = few }),
            Own($"{few:N0}, {CrowdRate * factor:0}/s", workload with { Clients = few, Events = events * factor, Rate = CrowdRate * factor }),
        ];
    }

    private static Column Channels(int channels, int events, int size) =>
        Own($"{channels:N0}", new Workload("channels", channels, events, size, Rate: 0, channels));

    private static Column Own(FormattableString name, IWorkload workload) =>
        new(name.ToString(CultureInfo.InvariantCulture), workload, () => Contender.Start(_contenders[0].Arguments));

    private static List<Column> Columns(IWorkload workload, (string Name, string Arguments)[] contenders) =>
        [.. contenders.Select(contender => new Column(contender.Name, workload, () => Contender.Start(contender.Arguments)))];

    private static IEnumerable<List<Column>> Running(ParseResult parsed, string url)
    {
        var (rate, channels, clients) = (parsed.GetValue(_rate), parsed.GetValue(_channels), parsed.GetValue(_clients));
        if (channels > 0 && clients % channels != 0)
        {
            throw new BenchException($"{clients} clients cannot be dealt to {channels} channels evenly.");
        }

        var workload = new Workload(rate > 0 ? "paced" : "burst", clients, parsed.GetValue(_events), parsed.GetValue(_size), rate, channels);
        yield return [new Column("server", workload, () => Contender.Running(url, parsed.GetValue(_token)))];
    }

    // As many as both this process and the server have descriptors for, and some to spare.
    private static int Crowd(int clients) => Math.Min(Math.Min(clients, LargestCrowd), Descriptors.Limit - (Descriptors.Reserve * 2));

    private static Command Yardstick(string name, Func<int, Task> run)
    {
        var port = new Argument<int>("port");
        var command = new Command(name) { port };
        command.Hidden = true;
        command.SetAction(async (parsed, _) => await run(parsed.GetValue(port)));
        return command;
    }

    private static Option<int> Number(string name, int standard, string help, int least, int most)
    {
        var option = new Option<int>(name) { Description = help, DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out var value) || value < least || value > most))
            {
                result.AddError($"{name} is a number from {least} to {most}, not '{result.Tokens[0].Value}'.");
            }
        });
        return option;
    }

    // A column of a table: a server, and what is put on it.
    private sealed record Column(string Name, IWorkload Workload, Func<Contender> Start);
}
