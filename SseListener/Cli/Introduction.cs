using SseListener.Access;
using SseListener.Http;
using SseListener.Log;

namespace SseListener.Cli;

/// <summary>The lines that the program prints when it listens: where its page is, who may publish, where history is kept.</summary>
internal static class Introduction
{
    public static string Of(ServerOptions options, Permissions access)
    {
        var page = options.Address.GetLeftPart(UriPartial.Authority);
        string[] lines = [page, $"publishing: {Publishers(options, access)}", $"history: {History(options)}"];
        return string.Join('\n', lines.Select(line => "> " + LogWriter.OneLine(line)));
    }

    private static string Publishers(ServerOptions options, Permissions access) =>
        (access.IsClosed, (options.PublishToken ?? options.PublishTokenFile) is not null, options.TakesTokens) switch
        {
            (true, _, _) => "refused: see --publish-token",
            (_, true, true) => "takes the publish token and signed tokens",
            (_, true, _) => "takes the publish token",
            (_, _, true) => "takes signed tokens",
            _ when options.OpenPublish => "anyone",
            _ when options.TrustProxy => "programs on this machine, and all whom the proxy lets through",
            _ => "programs on this machine",
        };

    private static string History(ServerOptions options)
    {
        var place = options.Cluster.IsUsed ? $"in the cluster's stream \"{options.Cluster.Stream}\"" : options.Data ?? "in memory";
        var kept = options.History == 0 ? "nothing" : $"{Units.SizeText(options.History)} and {Units.DurationText(options.HistoryAge)}";
        return $"{place}, {kept}{(options.Keep.Count > 0 ? ", some channels by --keep" : "")}";
    }
}
