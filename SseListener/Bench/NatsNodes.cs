using SseListener.Listener;

namespace SseListener.Bench;

/// <summary>NATS servers of this machine, for hubs that share a log.</summary>
internal static class NatsNodes
{
    private const string Program = "nats-server";

    /// <summary>What to say where there is no such program.</summary>
    public const string Missing = $"{Program} is not on the PATH: the hubs of a cluster are not measured (apt-get install {Program}).";

    // Debian has it where not everybody's PATH leads.
    private static readonly string[] _folders =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), "/usr/sbin"];

    /// <summary>The path of the program; null when it is not installed.</summary>
    public static string? Find() => _folders.Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists);

    /// <summary>How to start so many that are one cluster, each in a temporary folder.</summary>
    /// <param name="count">How many.</param>
    /// <param name="addresses">Where hubs reach them, as <c>--cluster</c> takes it.</param>
    public static List<ProcessStartInfo> Starts(int count, out string addresses)
    {
        var nodes = Enumerable.Range(1, count)
            .Select(number => (Name: $"node{number}", Port: ListeningPorts.FindFree(), Route: ListeningPorts.FindFree()))
            .ToList();
        addresses = Join(nodes.Select(node => node.Port));
        var routes = Join(nodes.Select(node => node.Route));
        return [.. nodes.Select(node => new ProcessStartInfo(Find()!)
        {
            Arguments = $"-js -sd . -l log -a 127.0.0.1 -p {node.Port} -n {node.Name}" + (count == 1 ? ""
                : $" --cluster_name bench --cluster nats://127.0.0.1:{node.Route} --routes {routes}"),
            WorkingDirectory = Directory.CreateTempSubdirectory("sse-bench-nats-").FullName,
        })];
    }

    private static string Join(IEnumerable<int> ports) => string.Join(',', ports.Select(port => $"nats://127.0.0.1:{port}"));
}
