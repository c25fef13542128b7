using System.Text;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What waits for the hub at the same time is one batch: here by being there before the loop starts.</summary>
public sealed class HubBatches : IDisposable
{
    private readonly List<string> _stored = [];
    private bool _canStore = true;
    private PlayedLog? _log;

    public void Dispose() => _log?.Dispose();

    [Test]
    public async Task A_conflict_gives_back_the_ids_that_it_had_taken()
    {
        var results = await PublishAsync(["a1"], ["b2", "a3"], ["b4"]);
        Assert.That(results[0], Is.InstanceOf<PublishResult.Published>());
        Assert.That(results[1], Is.EqualTo(new PublishResult.Conflict("a")));
        Assert.That(results[2], Is.InstanceOf<PublishResult.Published>());
        Assert.That(_stored, Is.EqualTo((string[])["data: 1\nid: a\n\n", "data: 4\nid: b\n\n"]));
    }

    [Test]
    public async Task The_same_event_twice_is_stored_once()
    {
        var results = await PublishAsync(["a1"], ["a1"], ["a2"]);
        Assert.That(results.Take(2), Is.All.InstanceOf<PublishResult.Published>());
        Assert.That(results[2], Is.EqualTo(new PublishResult.Conflict("a")));
        Assert.That(_stored, Is.EqualTo((string[])["data: 1\nid: a\n\n"]));
    }

    [Test]
    public async Task Nobody_is_told_that_something_is_kept_which_is_not()
    {
        _canStore = false;
        Assert.That(await PublishAsync(["a1"], ["a1"], ["b2", "a1"]), Is.All.InstanceOf<PublishResult.NotStored>());
    }

    [Test]
    public async Task Frames_are_numbered_and_bound_by_publish()
    {
        var frames = new List<(long Sequence, int Following)>();
        await RunAsync(batch => frames.AddRange(batch.Frames.Select(frame => (frame.Sequence, frame.Following))), ["a1"], ["b2", "c3", "d4"], ["a9"], ["e5"]);
        Assert.That(frames, Is.EqualTo(((long, int)[])[(8, 0), (9, 2), (10, 1), (11, 0), (12, 0)]));
    }

    // Of a publish that is refused not even an end stays in the batch.
    [Test]
    public async Task Channels_that_could_not_all_end_have_not_ended()
    {
        using var hub = Hub(_ => { }, maxChannels: 1);
        var refused = hub.PublishAsync(new Publish(["a", "b"], [], ChannelChange.End));
        var good = hub.PublishAsync(new Publish(["a"], [Event("x1")], ChannelChange.None));
        var running = hub.RunAsync();
        Assert.That(await refused.WaitAsync(Support.Wait.Limit), Is.InstanceOf<PublishResult.TooManyChannels>());
        Assert.That(await good.WaitAsync(Support.Wait.Limit), Is.InstanceOf<PublishResult.Published>());
        await hub.CompleteAsync(TimeSpan.Zero);
        await running;
    }

    [Test]
    public async Task A_channel_for_which_nothing_could_be_stored_takes_no_place()
    {
        _canStore = false;
        using var hub = Hub(_ => { }, maxChannels: 1);
        var running = hub.RunAsync();
        foreach (var channel in (string[])["a", "b"])
            Assert.That(await hub.PublishAsync(new Publish([channel], [Event("x1")], ChannelChange.None)).WaitAsync(Support.Wait.Limit), Is.InstanceOf<PublishResult.NotStored>());

        await hub.CompleteAsync(TimeSpan.Zero);
        await running;
    }

    // Its bytes wait with the batch all the same.
    [Test]
    public async Task What_is_refused_counts_among_the_bytes_of_a_batch()
    {
        var batches = new List<int>();
        using var hub = Hub(batch => batches.Add(batch.Frames.Count), maxChannels: 1);
        var small = hub.PublishAsync(new Publish(["a"], [Event("x1")], ChannelChange.None));
        var large = hub.PublishAsync(new Publish(["a"], [Event("y\"" + new string('2', 5_000_000) + "\"")], ChannelChange.None));
        var behind = hub.PublishAsync(new Publish(["a"], [Event("z3")], ChannelChange.None));
        var running = hub.RunAsync();
        Assert.That(await large.WaitAsync(Support.Wait.Limit), Is.InstanceOf<PublishResult.TooLargeToKeep>());
        await Task.WhenAll(small, behind).WaitAsync(Support.Wait.Limit);
        await hub.CompleteAsync(TimeSpan.Zero);
        await running;
        Assert.That(batches, Is.EqualTo((int[])[1, 1]));
    }

    // Channels that have ended give way first, but not the one that is published to.
    [Test]
    public async Task A_silent_channel_gives_way_where_the_only_ended_one_is_to_stay()
    {
        using var hub = Hub(_ => { }, maxChannels: 2);
        var running = hub.RunAsync();
        Publish[] publishes =
        [
            new(["silent"], [Event("x1")], ChannelChange.None), new(["ended"], [], ChannelChange.End),
            new(["ended", "new"], [], ChannelChange.End),
        ];
        foreach (var publish in publishes)
            Assert.That(await hub.PublishAsync(publish).WaitAsync(Support.Wait.Limit), Is.InstanceOf<PublishResult.Published>());

        await hub.CompleteAsync(TimeSpan.Zero);
        await running;
    }

    private EventHub Hub(Action<FrameBatch> store, int maxChannels)
    {
        _log = new PlayedLog(batch =>
        {
            store(batch);
            return _canStore ? Stored.All : Stored.None;
        })
        { Last = 7 };
        return new EventHub(new HubLimits(HistoryBytes: 1000, TimeSpan.FromHours(1), maxChannels), _log, _ => { }, () => { });
    }

    private Task<PublishResult?[]> PublishAsync(params string[][] publishes) =>
        RunAsync(batch => _stored.AddRange(batch.Frames.Select(frame => Encoding.UTF8.GetString(batch.BytesOf(frame)))), publishes);

    // An event is its id, one letter, and its data.
    private async Task<PublishResult?[]> RunAsync(Action<FrameBatch> store, params string[][] publishes)
    {
        using var hub = Hub(store, maxChannels: 10);
        hub.TryOpen(out _);
        var answers = publishes.Select(events => hub.PublishAsync(new Publish(["default"], [.. events.Select(Event)], ChannelChange.None))).ToList();
        var running = hub.RunAsync();
        var results = await Task.WhenAll(answers).WaitAsync(Support.Wait.Limit);
        await hub.CompleteAsync(TimeSpan.Zero);
        await running;
        return results;
    }

    private static SseEvent Event(string idAndData)
    {
        Assert.That(EventJson.TryParse(Encoding.UTF8.GetBytes($$"""{"id":"{{idAndData[0]}}","data":{{idAndData[1..]}}}"""), out var sseEvent, out var problem), Is.True, problem);
        return sseEvent!;
    }
}
