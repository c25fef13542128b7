namespace SseListener.Events;

/// <summary>
/// Restores a frame that was stored before, at a time that <see cref="SteadyClock"/> counts. Frames come in the order of their numbers, and
/// their bytes are good only during the call.
/// </summary>
internal delegate void RestoreFrame(long sequence, string channel, long time, ReadOnlySpan<byte> frame);

/// <summary>The one log of all events: what is in it survives the program, and only then is delivered.</summary>
internal interface IEventLog : IDisposable
{
    /// <summary>Opens it, and gives back what it has stored.</summary>
    bool TryOpen(RestoreFrame restore, [NotNullWhen(false)] out string? problem);

    /// <summary>The number of the last frame that it has stored; 0 for none.</summary>
    long Last { get; }

    /// <summary>The key that goes with what it stores, and is made with it: <see cref="PositionCipher.KeySize"/> bytes.</summary>
    byte[] Key { get; }

    /// <summary>
    /// Where starts of the program began to number, oldest first; the last is the present one. Those that have a frame behind them are left
    /// out.
    /// </summary>
    IReadOnlyList<long> Starts { get; }

    /// <summary>Whether, as far as is known, batches can be stored. Any thread may ask.</summary>
    bool IsWritable { get; }

    /// <summary>
    /// Stores a batch, all of it or nothing, and applies what has been stored, in order, before the call completes. One call at a time.
    /// When it fails, it logs the reason, and the next batch may be stored again.
    /// </summary>
    ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply);
}

/// <summary>How much of a batch is stored: unknown when storing failed and could not be undone, so that a restart may find it.</summary>
internal enum Stored
{
    None,
    All,
    Unknown,
}
