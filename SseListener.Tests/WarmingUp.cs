using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What has been compiled at its best before anybody comes.</summary>
[NonParallelizable]
public sealed class WarmingUp
{
    [Test]
    public async Task The_ways_of_an_event_and_of_those_who_come_and_go_are_compiled_before_the_first_request()
    {
        using var folder = new TempFolder();
        var summary = Path.Combine(folder.Path, "compiled");
        (string, string)[] environment = [("DOTNET_JitStdOutFile", summary), ("DOTNET_JitDisasmSummary", "1"), ("DOTNET_TC_CallCountingDelayMs", "0")];
        var (program, _) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, environment: environment));
        using var running = program;
        foreach (var method in (string[])["PublishEndpoint:PublishAsync", "EventHub:ReadWork", "Client:SendNext", "EventsEndpoint:SubscribeAsync", "Client:End", "LaneSubscribers:Remove"])
            await Wait.UntilAsync(() => IsAtItsBest(summary, method), $"{method} is not");
    }

    private static bool IsAtItsBest(string summary, string method)
    {
        using var file = new StreamReader(new FileStream(summary, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return file.ReadToEnd().Split('\n').Any(line => line.Contains($".{method}(", StringComparison.Ordinal) && line.Contains("[Tier1", StringComparison.Ordinal));
    }
}
