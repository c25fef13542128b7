using System.Globalization;
using SseListener.Cluster;

namespace SseListener.Tests;

/// <summary>What a log holds whose replicas differ, as they do after servers were paused.</summary>
public sealed class AgreeingReplicas
{
    private const int Replicas = 3;

    private readonly Agreement _agreement = new(Replicas, decided: 0);

    [Test]
    public void A_message_is_the_logs_once_a_majority_holds_it()
    {
        Add(0, "1a", "2b");
        Assert.That(Taken(), Is.Empty);
        Add(1, "1a", "2b", "3c");
        Assert.That(Taken(), Is.EqualTo((string[])["1a", "2b"]));
        Add(2, "1a", "2b", "3c");
        Assert.That(Taken(), Is.EqualTo((string[])["3c"]));
    }

    [Test]
    public void What_only_one_holds_never_is()
    {
        Add(0, "1x", "2y", "3c");
        Add(1, "1a", "2b");
        Assert.That(Taken(), Is.Empty);
        Add(2, "1a", "2b", "3c");
        Assert.That(Taken(), Is.EqualTo((string[])["1a", "2b", "3c"]));
    }

    [Test]
    public void Two_that_differ_wait_for_the_third()
    {
        Add(0, "1a");
        Add(1, "1b");
        Assert.That(Taken(), Is.Empty);
        Add(2, "1b");
        Assert.That(Taken(), Is.EqualTo((string[])["1b"]));
    }

    [Test]
    public void What_a_majority_lacks_is_left_out()
    {
        Add(0, "1a", "2b", "3c");
        Add(1, "3c");
        Assert.That(Taken(), Is.Empty);
        Add(2, "3c");
        Assert.That(Taken(), Is.EqualTo((string[])["3c"]));
    }

    [Test]
    public void Where_all_differ_the_log_goes_on_behind()
    {
        Add(0, "1a", "2d");
        Add(1, "1b", "2d");
        Add(2, "1c");
        Assert.That(Taken(), Is.EqualTo((string[])["2d"]));
    }

    [Test]
    public void A_replica_that_is_read_again_may_begin_before_what_is_decided()
    {
        Add(0, "1a", "2x");
        Add(1, "1a");
        Assert.That(Taken(), Is.EqualTo((string[])["1a"]));
        _agreement.Forget(0);
        Add(0, "1a", "2b");
        Add(1, "2b");
        Assert.That(Taken(), Is.EqualTo((string[])["2b"]));
    }

    // However fast each is read, and however often again: with a majority that holds the log nothing else is ever taken.
    [Test]
    public void One_replica_that_differs_or_is_away_changes_nothing()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            string[] log = [.. Enumerable.Range(1, 20).Where(_ => random.Next(5) > 0).Select(number => $"{number}{(char)('a' + random.Next(3))}")];
            string[] other = [.. Enumerable.Range(1, 20).Where(_ => random.Next(3) > 0).Select(number => $"{number}{(char)('a' + random.Next(5))}")];
            string[][] replicas = [log, log, other];
            var (agreement, next, taken) = (new Agreement(Replicas, decided: 0), new int[Replicas], new List<string>());
            while (next[0] < log.Length || next[1] < log.Length)
            {
                var replica = random.Next(Replicas);
                if (random.Next(20) == 0)
                {
                    agreement.Forget(replica);
                    next[replica] = 0;
                }
                else if (next[replica] < replicas[replica].Length)
                {
                    agreement.Add(replica, Copy(replicas[replica][next[replica]++]));
                }

                while (agreement.TryTake(out var agreed))
                    taken.Add(Text(agreed));
            }

            Assert.That(taken, Is.EqualTo(log), $"seed {seed}");
        }
    }

    private void Add(int replica, params string[] copies)
    {
        foreach (var copy in copies)
            _agreement.Add(replica, Copy(copy));
    }

    private List<string> Taken()
    {
        var taken = new List<string>();
        while (_agreement.TryTake(out var agreed))
            taken.Add(Text(agreed));

        return taken;
    }

    // A copy is written as its sequence and the hub that sent it.
    private static Copy Copy(string text) =>
        new(long.Parse(text[..^1], CultureInfo.InvariantCulture), Time: 0, LogMessage.HeadersOf("log", text[^1..], number: 1, seen: 0), Body: default);

    private static string Text(Copy copy) => $"{copy.Sequence}{LogMessage.OriginOf(copy.Headers).Hub}";
}
