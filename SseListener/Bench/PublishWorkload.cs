using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SseListener.Bench;

/// <summary>Publishers on their own, as fast as they are answered: what it costs to keep events.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Connections">Publishers.</param>
/// <param name="Events">Events of each.</param>
/// <param name="Size">Bytes of each event's JSON.</param>
/// <param name="Batch">Events of a request.</param>
internal sealed record PublishWorkload(string Name, int Connections, int Events, int Size, int Batch) : IWorkload
{
    /// <inheritdoc/>
    public string Description => string.Create(
        CultureInfo.InvariantCulture,
        $"{Connections} {(Connections == 1 ? "connection publishes" : "connections each publish")} {Events:N0} events of {Size} B, {(Batch == 1 ? "one after another" : $"{Batch:N0} in a batch")}");

    /// <inheritdoc/>
    public Measurement Measure(string name, Contender contender)
    {
        var request = Request(contender.Target);
        var cpu = contender.CpuSeconds;
        var bench = Environment.CpuUsage.TotalTime;
        var started = Stopwatch.GetTimestamp();
        try
        {
            var publishers = Enumerable.Range(0, Connections).Select(_ => Task.Factory.StartNew(
                () => Publish(contender.Target, request), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            Task.WaitAll(publishers.ToArray());
        }
        catch (AggregateException e) when (e.InnerException is BenchException problem)
        {
            throw new BenchException(problem.Message);
        }

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return Measurement.OfPublishing(name, this, seconds, contender.CpuSeconds - cpu, (Environment.CpuUsage.TotalTime - bench).TotalSeconds);
    }

    private void Publish(Target target, byte[] request)
    {
        using var connection = new PublishConnection(target);
        for (var sent = 0; sent < Events; sent += Batch)
        {
            connection.Send(request);
        }
    }

    private byte[] Request(Target target)
    {
        const string Head = "{\"data\":\"";
        const string Tail = "\"}";
        var json = Head + new string('x', Math.Max(0, Size - Head.Length - Tail.Length)) + Tail;
        if (Batch == 1)
        {
            return target.Publish(json);
        }

        var lines = new StringBuilder();
        for (var i = 0; i < Batch; i++)
        {
            lines.Append(json).Append('\n');
        }

        return target.Publish(lines.ToString(), "application/x-ndjson");
    }
}
