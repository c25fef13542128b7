using System.Diagnostics.CodeAnalysis;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>Takes up a frame that was kept; they come in the order of their numbers.</summary>
/// <param name="sequence">Its number among all frames of all channels.</param>
/// <param name="channel">Its channel.</param>
/// <param name="time">When it was published, as <see cref="SteadyClock"/> counts.</param>
/// <param name="frame">Its bytes; only during the call.</param>
internal delegate void TakeFrame(long sequence, string channel, long time, ReadOnlySpan<byte> frame);

/// <summary>Where frames are kept before they are delivered.</summary>
internal interface IJournal : IDisposable
{
    /// <summary>Opens it, and gives back what it has kept.</summary>
    /// <param name="take">Takes up what was kept.</param>
    /// <param name="problem">Why it cannot be opened, when false is returned.</param>
    bool TryOpen(TakeFrame take, [NotNullWhen(false)] out string? problem);

    /// <summary>The number of the last frame that it has kept; 0 for none.</summary>
    long Last { get; }

    /// <summary>The key that goes with what it keeps, and is made with it: <see cref="Positions.KeySize"/> bytes.</summary>
    byte[] Key { get; }

    /// <summary>The numbers that the program began behind, of those starts that have left no frame; the present one's is the last.</summary>
    IReadOnlyList<long> Starts { get; }

    /// <summary>Whether, as far as is known, batches can be kept. Any thread may ask.</summary>
    bool IsWritable { get; }

    /// <summary>Keeps a batch, all of it or nothing. For one thread.</summary>
    /// <returns>Whether it is kept; if not, the reason is in the log, and the next batch may be kept again.</returns>
    Stored Append(FrameBatch batch);
}
