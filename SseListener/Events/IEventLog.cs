namespace SseListener.Events;

/// <summary>
/// Restores a frame, in order; its time is of <see cref="SteadyClock"/>, and its bytes are good only during the call. A frame without bytes
/// had been dropped, and only its channels and its number are left. Without channels either it is no frame. It says that a cleaned file
/// begins there: numbers that are missing from this one on were dropped on purpose.
/// </summary>
internal delegate void RestoreFrame(long sequence, string channels, long time, ReadOnlySpan<byte> frame);

/// <summary>The one log of all events: only what is in it is delivered. What a log of files has also survives the program.</summary>
internal interface IEventLog : IDisposable
{
    /// <summary>
    /// Opens it, and gives back what it has stored: one of this machine alone before the call returns, by <paramref name="restore"/>. One
    /// that hubs share does so from then on by <paramref name="enqueue"/>, as <see cref="Arrived"/>, and goes on with what any hub stores.
    /// A log of files asks by <paramref name="enqueue"/> what is no longer kept (<see cref="DroppedFrames"/>).
    /// </summary>
    bool TryOpen(RestoreFrame restore, Action<HubWork> enqueue, [NotNullWhen(false)] out string? problem);

    /// <summary>The number of its last frame, or one less than the least that its newest file may have; 0 when it is new.</summary>
    long Last { get; }

    /// <summary>The key that goes with what it stores, and is made with it: <see cref="PositionCipher.KeySize"/> bytes.</summary>
    byte[] Key { get; }

    /// <summary>
    /// The numbers behind which starts (runs of the program) began: the present one last, before it those that stored no frame, the oldest
    /// first.
    /// </summary>
    IReadOnlyList<long> Starts { get; }

    /// <summary>Numbers that starts left out, lest a new frame get that of one that was lost.</summary>
    IReadOnlyList<SkippedNumbers> Skipped => [];

    /// <summary>Why batches cannot be stored; null when they can, as far as is known. Any thread may ask.</summary>
    string? Problem { get; }

    /// <summary>Whether other hubs store in it, too.</summary>
    bool IsShared => false;

    /// <summary>
    /// Stores a batch, all of it or nothing, and applies what has been stored, in order, before the call completes. One call at a time.
    /// When it fails, it logs the reason, and the next batch may be stored again. A log that hubs share takes the batch's publishes, and
    /// answers each when it has come back.
    /// </summary>
    ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply);

    /// <summary>Says, where there are rules of what is kept, that a frame with this number and length is no longer kept.</summary>
    void Drop(long sequence, int length)
    {
        // Only one that stores frames itself has to know.
    }

    /// <summary>Completes when all has been applied that any hub had stored before the call; false when that cannot be had now.</summary>
    Task<bool> CatchUpAsync() => Task.FromResult(true);

    /// <summary>Completes when each publish has been answered, which after the limit is done without knowing more.</summary>
    Task DrainAsync(TimeSpan limit) => Task.CompletedTask;
}

/// <summary>
/// How much of a batch is stored: unknown when storing failed and could not be undone, so that a restart may find it; later when each of
/// its publishes is answered by the log.
/// </summary>
internal enum Stored { None, All, Unknown, Later }
