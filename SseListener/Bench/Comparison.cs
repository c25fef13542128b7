using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>Work for a server, and what to measure while the server does it.</summary>
internal interface IWorkload
{
    string Name { get; }

    string Description { get; }

    /// <exception cref="BenchException">The server refuses, or cannot be reached.</exception>
    Measurement Measure(string name, Contender contender);
}

/// <summary>One column of a table: a server and the workload that it gets.</summary>
internal sealed record Column(string Name, IWorkload Workload, Func<Contender> Start);

/// <summary>Compares this program with the yardsticks, and with itself under other conditions.</summary>
internal sealed class Comparison(int clients, int events, int size, int rate)
{
    private const double PacedSeconds = 4;
    private const double CrowdRate = 5;
    private const int LargestCrowd = 10_000;

    // Bytes that the server takes in one request, less a little for each line.
    private const int LargestBatch = 900 * 1024;

    // Presence is off because the yardsticks announce nobody either.
    private const string Hub = "--port {0} --presence-limit 0 --history 1GiB --log-level warning ";

    private static readonly (string Name, string Arguments)[] _servers =
        [("sselistener", Hub + "--data none"), ("naive", "bench-naive {0}"), ("sockets", "bench-sockets {0}")];

    private static readonly (string Name, string Arguments)[] _journals =
        [("none", Hub + "--data none"), ("os", Hub + "--data {1} --sync os"), ("always", Hub + "--data {1} --sync always")];

    // As many clients as both this process and the server have file descriptors for, and some to spare.
    private static int MostClients => Math.Min(LargestCrowd, Descriptors.Limit - (Descriptors.Reserve * 2));

    public IEnumerable<IReadOnlyList<Column>> Tables()
    {
        var crowd = Math.Min(Math.Min(clients * 8, 8000), MostClients);
        var batch = Math.Clamp(LargestBatch / size, 1, 1000);
        yield return Columns(_servers, new DeliveryWorkload("burst", clients, events, size));
        yield return Columns(_servers, new DeliveryWorkload("paced", clients, Math.Min(events, (int)(rate * PacedSeconds)), size, rate));
        yield return Columns(_servers, new DeliveryWorkload("crowd", crowd, Math.Min(events, 10), size, CrowdRate));
        yield return Growing(crowd, Math.Clamp(events / 10, 1, 20));
        yield return Columns(_servers[..1], new DeliveryWorkload("catching up", Math.Max(clients / 2, 1), events, size, Resumes: true));
        yield return [Channels(Math.Min(clients * 10, MostClients)), Channels(10)];
        yield return Columns(_journals, new PublishWorkload("publishing", Connections: 8, events, size, Batch: 1));
        yield return Columns(_journals, new PublishWorkload("batches", Connections: 1, Math.Max(events / 10, 1) * batch, size, batch));
    }

    private static Column[] Columns((string Name, string Arguments)[] servers, IWorkload workload) =>
        [.. servers.Select(server => new Column(server.Name, workload, () => new Contender(server.Arguments)))];

    private static Column Own(string name, IWorkload workload) => new(name, workload, () => new Contender(_servers[0].Arguments));

    private Column Channels(int channels) =>
        Own($"{channels:N0}", new DeliveryWorkload("channels", channels, events, size, Channels: channels));

    // All deliveries of an event share its own cost, so few clients look dear with as many events; hence the third column.
    private Column[] Growing(int many, int counted)
    {
        var few = Math.Max(many / 16, 1);
        var factor = many / few;
        var raised = CrowdRate * factor;
        var beside = $"; beside them {few:N0}, with as many events, and with as many deliveries";
        var workload = new DeliveryWorkload("growing", many, counted, size, CrowdRate, Beside: beside);
        return
        [
            Own($"{many:N0}", workload),
            Own($"{few:N0}", workload with { Clients = few }),
            Own($"{few:N0}, {raised:0}/s", workload with { Clients = few, Events = counted * factor, Rate = raised }),
        ];
    }
}
