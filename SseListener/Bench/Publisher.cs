using System.Diagnostics;

namespace SseListener.Bench;

/// <summary>Publishes the events of a run, each when the one before has been answered.</summary>
/// <param name="run">The run.</param>
/// <param name="target">Where to.</param>
/// <param name="size">Bytes of each event's JSON.</param>
/// <param name="channelOf">The channel of each event; null for none.</param>
internal sealed class Publisher(Run run, Target target, int size, Func<int, string?> channelOf) : IDisposable
{
    private readonly PublishConnection _connection = new(target);

    /// <summary>The id that the server gave the latest event; empty when it gave none.</summary>
    public string LastId => _connection.LastId;

    /// <summary>Publishes all events of the run.</summary>
    /// <param name="rate">Events a second; 0 for as fast as they are answered.</param>
    /// <exception cref="BenchException">The server refused one, or went.</exception>
    public void PublishAll(double rate)
    {
        using var pause = new ManualResetEventSlim();
        var started = Stopwatch.GetTimestamp();
        for (var number = 0; number < run.Events; number++)
        {
            if (rate > 0 && TimeSpan.FromSeconds(number / rate) - Stopwatch.GetElapsedTime(started) is var early && early > TimeSpan.Zero)
            {
                pause.Wait(early);
            }

            run.CountSent(number);
            _connection.Send(target.Publish(run.Body(number, size), channel: channelOf(number)));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();
}
