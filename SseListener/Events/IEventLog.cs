using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>Takes up a frame that was stored before; they come in the order of their numbers.</summary>
/// <param name="sequence">Its number among all frames of all channels.</param>
/// <param name="channel">Its channel.</param>
/// <param name="time">When it was published, as <see cref="SteadyClock"/> counts.</param>
/// <param name="frame">Its bytes; only during the call.</param>
internal delegate void TakeFrame(long sequence, string channel, long time, ReadOnlySpan<byte> frame);

/// <summary>The one log of all events: what is in it survives the program, and only then is delivered.</summary>
internal interface IEventLog : IDisposable
{
    /// <summary>Opens it, and gives back what it has stored.</summary>
    /// <param name="take">Takes up what was stored.</param>
    /// <param name="problem">Why it cannot be opened, when false is returned.</param>
    bool TryOpen(TakeFrame take, [NotNullWhen(false)] out string? problem);

    /// <summary>The number of the last frame that it has stored; 0 for none.</summary>
    long Last { get; }

    /// <summary>The key that goes with what it stores, and is made with it: <see cref="PositionCipher.KeySize"/> bytes.</summary>
    byte[] Key { get; }

    /// <summary>The numbers that the program began behind, of those starts that have left no frame; the present one's is the last.</summary>
    IReadOnlyList<long> Starts { get; }

    /// <summary>Whether, as far as is known, batches can be stored. Any thread may ask.</summary>
    bool IsWritable { get; }

    /// <summary>Stores a batch, all of it or nothing. One call at a time.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="apply">Given what has been stored, in order, before the call completes. On one machine it is the batch itself, inline.</param>
    /// <returns>Whether it is stored; if not, the reason is in the log lines, and the next batch may be stored again.</returns>
    ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply);
}
