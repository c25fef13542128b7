namespace SseListener.Bench;

/// <summary>Work for a server, and what to measure while the server does it.</summary>
internal interface IWorkload
{
    string Name { get; }
    string Description { get; }

    Measurement Measure(string name, Contender contender);
}

/// <summary>
/// Subscribers, and events that one publisher sends them at a rate, or back to back at 0. Subscribers that resume come only when
/// everything has been published; those that are elsewhere listen to another hub. The size is in bytes of JSON.
/// </summary>
internal sealed record DeliveryWorkload(
    string Name, int Clients, int Events, int Size, double Rate = 0, bool Resumes = false, bool IsElsewhere = false) : IWorkload
{
    // A server may have something to put in order when many clients have come: wait a second for each such number of them.
    private const double ClientsSettledPerSecond = 4000;

    // What should not come, such as a double, comes within this time after the last delivery.
    private static readonly TimeSpan _aftermath = TimeSpan.FromMilliseconds(200);

    public string Description => this switch
    {
        { Resumes: true } => $"{Clients:N0} clients each resume {Events:N0} events of {Size} B at once",
        { Rate: > 0 } => $"{Clients:N0} clients, {Events:N0} events of {Size} B, {Rate:0.##} a second",
        _ => $"{Clients:N0} clients, {Events:N0} events of {Size} B back to back",
    };

    public Measurement Measure(string name, Contender contender)
    {
        using var run = new Run(Events);
        var resume = Resumes ? $"Last-Event-ID: {PublishInAdvance(run, contender.Target)}\r\n" : "";
        var source = IsElsewhere ? contender.Other : contender.Target;
        var request = source.Request("GET", $"Accept: text/event-stream\r\n{resume}");
        var memory = Resumes ? null : contender.Memory;
        contender.StartClock();
        for (var i = 0; i < Clients; i++)
            run.Subscribers.Add(new Subscriber(run, source, request));

        run.WaitForStreams();
        var connected = contender.SecondsUntil(Stopwatch.GetTimestamp());
        if (!Resumes)
        {
            Thread.Sleep(_aftermath + TimeSpan.FromSeconds(Clients / ClientsSettledPerSecond));
            memory = contender.Memory - memory;
            contender.StartClock();
            Publish(run, contender.Target);
        }

        run.WaitForDeliveries();
        var seconds = contender.SecondsUntil(run.LastDelivery);
        Thread.Sleep(_aftermath);
        return Result(name, run, contender, seconds) with { ConnectSeconds = connected, MemoryPerClient = (double?)memory / Clients };
    }

    // The first event, which is not part of the run, is where the subscribers resume. Its answer ends with {"id":"…"}.
    private string PublishInAdvance(Run run, Target target)
    {
        using var publisher = new Publisher(target);
        var answer = publisher.Publish("""{"data":0}""");
        Publish(run, target);
        return answer.Split('"')[^2];
    }

    private void Publish(Run run, Target target)
    {
        using var publisher = new Publisher(target);
        var started = Stopwatch.GetTimestamp();
        for (var number = 0; number < Events; number++)
        {
            if (Rate > 0 && TimeSpan.FromSeconds(number / Rate) - Stopwatch.GetElapsedTime(started) is var early && early > TimeSpan.Zero)
                Thread.Sleep(early);

            publisher.Publish(run.BeginEvent(number, Size));
        }
    }

    // A latency would say nothing where events wait for their subscribers.
    private Measurement Result(string name, Run run, Contender contender, double seconds) => new(
        name, Name, Clients, Events, seconds,
        run.Delivered > 0 ? contender.CpuSeconds * 1e6 / run.Delivered : null,
        Delivered: run.Delivered,
        LatencyP50: Resumes ? 0 : run.Latencies.Quantile(0.5),
        LatencyP99: Resumes ? 0 : run.Latencies.Quantile(0.99),
        LatencyMax: Resumes ? 0 : run.Latencies.Quantile(1),
        Lost: ((long)Events * Clients) - run.Delivered,
        Doubled: run.Subscribers.Sum(subscriber => subscriber.Doubled),
        Disordered: run.Subscribers.Sum(subscriber => subscriber.Disordered));
}

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
        var type = Batch == 1 ? "application/json" : "application/x-ndjson";

        // As many before, which do not count: a server's first seconds, in which its code is compiled, are not what it costs.
        Publish();
        contender.StartClock();
        Publish();
        var seconds = contender.SecondsUntil(Stopwatch.GetTimestamp());
        var events = Connections * Events;
        return new Measurement(name, Name, 0, events, seconds, contender.CpuSeconds * 1e6 / events);

        void Publish() => Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Factory.StartNew(
            PublishOnOne, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).GetAwaiter().GetResult();

        void PublishOnOne()
        {
            using var publisher = new Publisher(contender.Target);
            for (var sent = 0; sent < Events; sent += Batch)
                publisher.Publish(body, type);
        }
    }
}
