using System.Text;
using SseListener.Cluster;
using SseListener.Events;

namespace SseListener.Tests;

/// <summary>Which publishes of a log that hubs share count.</summary>
public sealed class JudgingSharedLogs
{
    private const int MostFrames = 6;

    private readonly Judge _judge = new(first: 1, MostFrames);
    private long _last;

    [Test]
    public void The_first_of_two_with_one_id_counts()
    {
        Assert.That(Judge(seen: 0, "a1"), Is.EqualTo((string[])["counts 0"]));
        Assert.That(Judge(seen: 0, "a1", "a2"), Is.EqualTo((string[])["counts ", "conflict a"]));
    }

    [Test]
    public void What_the_sender_had_seen_is_not_compared_again()
    {
        Judge(seen: 0, "a1");
        Assert.That(Judge(seen: 1, "a2"), Is.EqualTo((string[])["counts 0"]));
    }

    [Test]
    public void A_publish_counts_as_a_whole_or_not_at_all()
    {
        Judge(seen: 0, "b1");
        Assert.That(Judge(seen: 0, "a1b2", "a1", "a1c1"), Is.EqualTo((string[])["conflict b", "counts 0", "counts 1"]));
        Assert.That(Judge(seen: 2, "d1d2", "d1d1"), Is.EqualTo((string[])["conflict d", "counts 0"]));
    }

    [Test]
    public void Behind_an_end_only_what_is_repeated_counts_until_the_channel_is_forgotten()
    {
        Assert.That(Judge(seen: 0, "a1.0"), Is.EqualTo((string[])["counts 0 1"]));
        Assert.That(Judge(seen: 0, "b1", "a1.0"), Is.EqualTo((string[])["ended", "counts "]));
        Assert.That(Judge(seen: 0, "!0", "b1"), Is.EqualTo((string[])["counts 0", "counts 0"]));
    }

    // It has ended since, and been used anew, as far as its hub had seen.
    [Test]
    public void An_end_that_the_sender_had_seen_is_not_looked_at_again()
    {
        Judge(seen: 0, ".0");
        Assert.That(Judge(seen: 1, "a1"), Is.EqualTo((string[])["counts 0"]));
    }

    [Test]
    public void What_was_judged_too_long_ago_counts_nowhere()
    {
        Judge(seen: 0, "a1b1c1");
        Judge(seen: 1, "d1e1f1");
        Assert.That(Judge(seen: 0, "g1h1i1"), Is.EqualTo((string[])["counts 0 1 2"]));
        Assert.That(Judge(seen: 0, "k1"), Is.EqualTo((string[])["stale"]));
        Assert.That(Judge(seen: 1, "k1"), Is.EqualTo((string[])["counts 0"]));
    }

    [Test]
    public void Of_what_nobody_here_can_tell_nothing_is_said()
    {
        _judge.Lose(1);
        _last = 1;
        Assert.That(Judge(seen: 0, "a1"), Is.EqualTo((string[])["unknown"]));
        Assert.That(Judge(seen: 1, "a1", "b1"), Is.EqualTo((string[])["unknown", "counts 0"]));
        Assert.That(Judge(seen: 3, "a1"), Is.EqualTo((string[])["counts 0"]));
    }

    // However the log looks: hubs that are wrong about what they have seen, and send the same again, are among them.
    [Test]
    public void A_hub_that_began_later_never_decides_differently()
    {
        var (decided, unknown) = (0, 0);
        for (var seed = 0; seed < 5_000; seed++)
        {
            var random = new Random(seed);
            var log = Enumerable.Range(1, 20).Select(sequence => RandomMessage(random, sequence)).ToList();
            var first = random.Next(1, 15);
            var (full, late) = (new Judge(first: 1, MostFrames), new Judge(first, MostFrames));
            foreach (var message in log)
            {
                var verdicts = full.Apply(message);
                if (message.Sequence < first)
                    continue;

                foreach (var (expected, verdict) in verdicts.Zip(late.Apply(message)))
                {
                    unknown += verdict is Verdict.Unknown ? 1 : 0;
                    decided += verdict is Verdict.Unknown ? 0 : 1;
                    if (verdict is not Verdict.Unknown)
                        Assert.That(Kind(verdict), Is.EqualTo(Kind(expected)), $"seed {seed}, first {first}, message {message.Sequence}");
                }
            }
        }

        Assert.That(unknown, Is.GreaterThan(1000));
        Assert.That(decided, Is.GreaterThan(unknown * 3));
    }

    private static LogMessage RandomMessage(Random random, long sequence)
    {
        var publishes = Enumerable.Range(0, random.Next(0, 3)).Select(_ => random.Next(12) == 0 ? "!0" : string.Concat(
            Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(12) == 0 ? ".0" : $"{(char)('a' + random.Next(5))}{random.Next(1, 3)}")));
        return Message(sequence, Math.Max(0, sequence - 1 - random.Next(0, 6)), [.. publishes]);
    }

    private List<string> Judge(long seen, params string[] publishes) => [.. _judge.Apply(Message(++_last, seen, publishes)).Select(Text)];

    // An event is its id, one letter, and its data, one digit. For the id . it is the end of the channel, and for ! that it is forgotten.
    private static LogMessage Message(long sequence, long seen, string[] publishes) => new(
        sequence, Time: 0, "hub", sequence, seen, [.. publishes.Select(publish => new StoredPublish([.. publish.Chunk(2).Select(frame =>
            Frame(IdOf(frame[0]), frame[1]))]))]);

    private static StoredFrame Frame(string id, char data) => new("default", id, Encoding.UTF8.GetBytes($"data: {data}\nid: {id}\n\n"));

    // Each hub makes one of its own for the same end.
    private static string IdOf(char letter) => letter switch
    {
        '.' => $"@end-{NanoId.Generate()}",
        '!' => $"@forget-{NanoId.Generate()}",
        _ => letter.ToString(),
    };

    // Which of several conflicts is told makes no difference.
    private static string Kind(Verdict verdict) => verdict is Verdict.Conflict ? "conflict" : Text(verdict);

    private static string Text(Verdict verdict) => verdict switch
    {
        Verdict.Counts counts => $"counts {string.Join(' ', counts.Frames)}",
        Verdict.Conflict conflict => $"conflict {conflict.Id}",
        Verdict.Ended => "ended",
        Verdict.Stale => "stale",
        _ => "unknown",
    };
}
