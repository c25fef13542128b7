using System.Diagnostics.Metrics;
using SseListener.Events;
using SseListener.Journal;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Which files of a journal with rules of --keep are written again, and when.</summary>
public sealed class FindingDirtyFiles : IDisposable
{
    private const int Size = 64 * 1024; // The smallest of a file.
    private readonly TempFolder _folder = new();
    private readonly LogWriter _log = new(TextWriter.Null, LogLevel.Error);
    private readonly Meter _meter = new("test");
    private readonly JournalFiles _files;

    public FindingDirtyFiles()
    {
        var (writes, flushes) = (_meter.CreateHistogram<double>("writes"), _meter.CreateHistogram<double>("flushes"));
        _files = new JournalFiles(
            new(_folder.Path, Size, TimeSpan.FromDays(1), JournalSync.Os, writes, flushes) { CleanEvery = TimeSpan.FromHours(1) }, _log);
        _files.Open(1);
    }

    public void Dispose()
    {
        _files.Dispose();
        _log.Dispose();
        _meter.Dispose();
        _folder.Dispose();
    }

    // Where the first one found no room, this one may.
    [Test]
    public void The_one_of_which_least_is_kept_is_first()
    {
        AppendFiles(1, 11, 21, 31);
        _files.Drop(11, Size / 8 * 5);
        _files.Drop(21, Size / 8 * 7);
        var now = SteadyClock.Now;
        Assert.That(_files.FindDirty(now, merges: false).Files.Select(file => file.First), Is.EqualTo((long[])[21]));
        var (both, end) = _files.FindDirty(now, merges: true);
        Assert.That(both.Select(file => file.First), Is.EqualTo((long[])[11, 21]));
        Assert.That(end, Is.EqualTo(31));
    }

    [Test]
    public void One_that_could_not_be_written_again_is_behind_the_others()
    {
        AppendFiles(1, 11, 21);
        _files.Drop(1, Size);
        _files.Drop(11, Size / 8 * 5);
        _files.FindDirty(SteadyClock.Now, merges: false).Files.Single().FailedAt = 1;
        Assert.That(_files.FindDirty(SteadyClock.Now, merges: false).Files.Single().First, Is.EqualTo(11));
    }

    // Else a large one would be written again for each that is closed.
    [Test]
    public void A_neighbour_that_is_much_larger_is_left()
    {
        AppendFiles(1, 11);
        _files.Drop(1, Size / 4 * 3);
        Append(1000, SteadyClock.Now);
        _files.Drop(11, 900);
        _files.CloseIfDirty(12, SteadyClock.Now + 61_000);
        Assert.That(_files.FindDirty(SteadyClock.Now, merges: true).Files.Select(file => file.First), Is.EqualTo((long[])[11]));
    }

    // Else what changes all the time would be written again all the time.
    [Test]
    public void A_small_part_does_not_count_nor_does_a_larger_one_at_once()
    {
        AppendFiles(1, 11);
        var (now, later) = (SteadyClock.Now, SteadyClock.Now + (61 * 60 * 1000));
        _files.Drop(1, (Size / 16) - 1);
        Assert.That(_files.FindDirty(later, merges: true).Files, Is.Empty);
        _files.Drop(1, 1);
        Assert.That(_files.FindDirty(now, merges: true).Files, Is.Empty);
        Assert.That(_files.FindDirty(later, merges: true).Files, Has.Count.EqualTo(1));
    }

    // Only closed files are written again.
    [Test]
    public void One_that_is_appended_to_is_closed_when_a_part_of_it_is_dropped_but_not_at_once()
    {
        var now = SteadyClock.Now;
        Append(1000, now);
        _files.Drop(1, 499);
        _files.CloseIfDirty(2, now + 60_001);
        Assert.That(_files.Current.First, Is.EqualTo(1), "most of it is kept");
        _files.Drop(1, 1);
        _files.CloseIfDirty(2, now + 60_000);
        Assert.That(_files.Current.First, Is.EqualTo(1), "at once");
        _files.CloseIfDirty(2, now + 60_001);
        Assert.That(_files.Current.First, Is.EqualTo(2));
    }

    // Full ones, and behind them the one that is appended to.
    private void AppendFiles(params long[] firsts)
    {
        foreach (var next in firsts[1..])
        {
            Append(Size, SteadyClock.Now);
            _files.Prepare(next, SteadyClock.Now);
        }

        Assert.That(_files.Current.First, Is.EqualTo(firsts[^1]));
    }

    private void Append(int length, long time)
    {
        _files.Current.Append(new byte[length]);
        _files.Current.Count(length, time);
    }
}
