namespace SseListener.Bench;

/// <summary>Publishers without subscribers, each as fast as it is answered: what it costs to keep events.</summary>
internal sealed record PublishWorkload(string Name, int Connections, int Events, int Size, int Batch) : IWorkload
{
    public string Description =>
        $"{Connections} {(Connections == 1 ? "connection publishes" : "connections each publish")} {Events:N0} events of {Size} B, "
        + (Batch == 1 ? "one after another" : $"{Batch:N0} in a batch");

    public Measurement Measure(string name, Contender contender)
    {
        var json = "{\"data\":\"".PadRight(Size - 2, 'x') + "\"}";
        var body = string.Join('\n', Enumerable.Repeat(json, Batch));
        var request = contender.Target.Publish(body, Batch == 1 ? "application/json" : "application/x-ndjson");
        contender.StartClock();
        var publishers = Enumerable.Range(0, Connections).Select(_ => Task.Factory.StartNew(
            () => Publish(contender.Target, request), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        Task.WhenAll(publishers).GetAwaiter().GetResult();
        var seconds = contender.SecondsUntil(Stopwatch.GetTimestamp());
        var events = Connections * Events;
        var cpu = contender.CpuSeconds * 1e6 / events;
        return new Measurement(name, Name, Clients: 0, events, seconds, cpu, contender.IsSaturated(seconds));
    }

    private void Publish(Target target, byte[] request)
    {
        using var publisher = new Publisher(target);
        for (var sent = 0; sent < Events; sent += Batch)
            publisher.Send(request);
    }
}
