using System.Diagnostics;
using System.Globalization;

namespace SseListener.Bench;

/// <summary>A number of subscribers, and what is published to them.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Clients">Subscribers.</param>
/// <param name="Events">Events.</param>
/// <param name="Size">Bytes of each event's JSON.</param>
/// <param name="Rate">Events a second; 0 for back to back.</param>
/// <param name="Channels">Channels that the subscribers and the events are dealt to in turn; 0 for no channel in particular.</param>
/// <param name="Resumes">Whether the subscribers come only when everything has been published, and catch up.</param>
/// <param name="Beside">What is measured beside it.</param>
internal sealed record Workload(
    string Name, int Clients, int Events, int Size, double Rate, int Channels = 0, bool Resumes = false, string? Beside = null) : IWorkload
{
    // For each so many subscribers the first event comes a second later: a server may have something to put in order when they have come.
    private const double Settling = 4000;

    // Something else than this run's events, which may be the last of them.
    private static readonly TimeSpan _aftermath = TimeSpan.FromMilliseconds(200);

    /// <inheritdoc/>
    public string Description => Channels > 0 ? $"one client on each of some channels, {Events:N0} events of {Size} B back to back, each to the next channel"
        : Resumes ? $"{Clients:N0} clients each resume {Events:N0} events of {Size} B at once"
        : Rate > 0 ? $"{Clients:N0} clients, {Events:N0} events of {Size} B, {Rate:0.##} a second{Beside}"
        : $"{Clients:N0} clients, {Events:N0} events of {Size} B back to back";

    private long Deliveries => (long)Events * (Channels > 0 ? Clients / Channels : Clients);

    /// <inheritdoc/>
    public Measurement Measure(string name, Contender contender)
    {
        var run = new Run(Events);
        return Resumes ? MeasureResuming(name, contender, run) : MeasureLive(name, contender, run);
    }

    private Measurement MeasureLive(string name, Contender contender, Run run)
    {
        var memory = contender.Memory;
        var connecting = Stopwatch.GetTimestamp();
        var subscribers = Subscribe(contender, run, lastEventId: null);
        try
        {
            run.WaitForOpen(Clients);
            var connected = Stopwatch.GetElapsedTime(connecting);
            Rest(_aftermath + TimeSpan.FromSeconds(Clients / Settling));
            var grown = contender.Memory - memory;
            var clock = new Clock(contender);
            using var publisher = new Publisher(run, contender.Target, Size, ChannelOf);
            publisher.PublishAll(Rate);
            run.WaitForDeliveries(Deliveries);
            var seconds = clock.SecondsUntil(run.LastDelivery);
            Rest(_aftermath);
            return Result(name, run, clock, connected, seconds, grown);
        }
        finally
        {
            subscribers.ForEach(subscriber => subscriber.Dispose());
        }
    }

    // The first event of the run only makes the place from which everybody resumes.
    private Measurement MeasureResuming(string name, Contender contender, Run run)
    {
        using var opening = new Publisher(new Run(1), contender.Target, Size, ChannelOf);
        opening.PublishAll(rate: 0);
        using var publisher = new Publisher(run, contender.Target, Size, ChannelOf);
        publisher.PublishAll(rate: 0);
        var memory = contender.Memory;
        var clock = new Clock(contender);
        var subscribers = Subscribe(contender, run, opening.LastId);
        try
        {
            run.WaitForOpen(Clients);
            var connected = TimeSpan.FromSeconds(clock.SecondsUntil(Stopwatch.GetTimestamp()));
            run.WaitForDeliveries(Deliveries);
            var seconds = clock.SecondsUntil(run.LastDelivery);
            Rest(_aftermath);
            return Result(name, run, clock, connected, seconds, contender.Memory - memory);
        }
        finally
        {
            subscribers.ForEach(subscriber => subscriber.Dispose());
        }
    }

    private List<Subscriber> Subscribe(Contender contender, Run run, string? lastEventId)
    {
        var subscribers = new List<Subscriber>(Clients);
        try
        {
            for (var i = 0; i < Clients; i++)
            {
                subscribers.Add(new Subscriber(run, contender.Target, contender.Target.Subscribe(lastEventId, ChannelOf(i))));
            }

            return subscribers;
        }
        catch
        {
            subscribers.ForEach(subscriber => subscriber.Dispose());
            throw;
        }
    }

    private Measurement Result(string name, Run run, Clock clock, TimeSpan connected, double seconds, long? grown)
    {
        var cpu = clock.ServerSeconds;
        return new Measurement(
            name,
            Name,
            Clients,
            Events,
            connected.TotalSeconds,
            seconds,
            run.Delivered,
            run.Delivered / seconds,
            run.Bytes / seconds,
            run.Delivered > 0 ? cpu * 1e6 / run.Delivered : null,
            Resumes ? 0 : run.Latency.Quantile(0.5),
            Resumes ? 0 : run.Latency.Quantile(0.99),
            Resumes ? 0 : run.Latency.Longest,
            (double?)grown / Clients,
            Deliveries - run.Delivered,
            run.Doubles,
            run.Disorders,
            Measurement.Saturates(clock.BenchSeconds, cpu, seconds));
    }

    private string? ChannelOf(int number) => Channels > 0 ? string.Create(CultureInfo.InvariantCulture, $"bench/{number % Channels}") : null;

    private static void Rest(TimeSpan time)
    {
        using var pause = new ManualResetEventSlim();
        pause.Wait(time);
    }

    // Reads everybody's CPU time and the time of day at once.
    private sealed class Clock(Contender contender)
    {
        private readonly long _started = Stopwatch.GetTimestamp();
        private readonly double? _server = contender.CpuSeconds;
        private readonly TimeSpan _bench = Environment.CpuUsage.TotalTime;

        public double? ServerSeconds => contender.CpuSeconds - _server;

        public double BenchSeconds => (Environment.CpuUsage.TotalTime - _bench).TotalSeconds;

        public double SecondsUntil(long timestamp) => Math.Max(Stopwatch.GetElapsedTime(_started, timestamp).TotalSeconds, 1e-6);
    }
}
