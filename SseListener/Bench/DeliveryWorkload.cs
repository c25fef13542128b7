namespace SseListener.Bench;

/// <summary>
/// Subscribers, and events that one publisher sends them at a rate, or back to back at 0. Subscribers and events are dealt to channels
/// in turn, if there are any; subscribers that resume come only when everything has been published. The size is in bytes of JSON.
/// </summary>
internal sealed record DeliveryWorkload(
    string Name, int Clients, int Events, int Size, double Rate = 0, int Channels = 0, bool Resumes = false, string Beside = "")
    : IWorkload
{
    // A server may have something to put in order when many clients have come: wait a second for each such number of them.
    private const double ClientsSettledPerSecond = 4000;

    // What should not come, such as a double, comes within this time after the last delivery.
    private static readonly TimeSpan _aftermath = TimeSpan.FromMilliseconds(200);

    public string Description => this switch
    {
        { Channels: > 0 } => $"one client on each of some channels, {Events:N0} events of {Size} B back to back, each to the next channel",
        { Resumes: true } => $"{Clients:N0} clients each resume {Events:N0} events of {Size} B at once",
        { Rate: > 0 } => $"{Clients:N0} clients, {Events:N0} events of {Size} B, {Rate:0.##} a second{Beside}",
        _ => $"{Clients:N0} clients, {Events:N0} events of {Size} B back to back",
    };

    private long Deliveries => (long)Events * (Channels > 0 ? Clients / Channels : Clients);

    public Measurement Measure(string name, Contender contender)
    {
        using var run = new Run(Events);
        var lastEventId = Resumes ? PublishInAdvance(run, contender.Target) : null;
        var memory = contender.Memory;
        contender.StartClock();
        for (var i = 0; i < Clients; i++)
            run.Subscribers.Add(new Subscriber(run, contender.Target, contender.Target.Subscribe(lastEventId, ChannelOf(i))));

        run.WaitForStreams();
        var connected = contender.SecondsUntil(Stopwatch.GetTimestamp());
        if (!Resumes)
            Thread.Sleep(_aftermath + TimeSpan.FromSeconds(Clients / ClientsSettledPerSecond));

        var grown = contender.Memory - memory;
        if (!Resumes)
        {
            contender.StartClock();
            Publish(run, contender.Target);
        }

        run.WaitForDeliveries(Deliveries);
        var seconds = contender.SecondsUntil(run.LastDelivery);
        Thread.Sleep(_aftermath);
        return Result(name, run, contender, seconds) with { ConnectSeconds = connected, MemoryPerClient = (double?)grown / Clients };
    }

    // The first event, which is not part of the run, is where the subscribers resume. Its answer ends with {"id":"…"}.
    private string PublishInAdvance(Run run, Target target)
    {
        using var publisher = new Publisher(target);
        var answer = publisher.Send(target.Publish("""{"data":0}"""));
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

            publisher.Send(target.Publish(run.BeginEvent(number, Size), channel: ChannelOf(number)));
        }
    }

    // A latency would say nothing where events wait for their subscribers.
    private Measurement Result(string name, Run run, Contender contender, double seconds) => new(
        name, Name, Clients, Events, seconds,
        run.Delivered > 0 ? contender.CpuSeconds * 1e6 / run.Delivered : null,
        contender.IsSaturated(seconds),
        Delivered: run.Delivered,
        BytesPerSecond: run.Subscribers.Sum(subscriber => subscriber.Bytes) / seconds,
        LatencyP50: Resumes ? 0 : run.Latencies.Quantile(0.5),
        LatencyP99: Resumes ? 0 : run.Latencies.Quantile(0.99),
        LatencyMax: Resumes ? 0 : run.Latencies.Quantile(1),
        Lost: Deliveries - run.Delivered,
        Doubled: run.Subscribers.Sum(subscriber => subscriber.Doubled),
        Disordered: run.Subscribers.Sum(subscriber => subscriber.Disordered));

    private string? ChannelOf(int number) => Channels > 0 ? $"bench/{number % Channels}" : null;
}
