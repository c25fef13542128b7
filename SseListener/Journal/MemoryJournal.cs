using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>Keeps nothing: history is in memory only, and a restart loses it.</summary>
internal sealed class MemoryJournal : IJournal
{
    /// <inheritdoc/>
    public long Last => 0;

    /// <inheritdoc/>
    public byte[] Key { get; } = RandomNumberGenerator.GetBytes(Positions.KeySize);

    /// <inheritdoc/>
    public IReadOnlyList<long> Starts => [0];

    /// <inheritdoc/>
    public bool IsWritable => true;

    /// <inheritdoc/>
    public bool TryOpen(TakeFrame take, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        return true;
    }

    /// <inheritdoc/>
    public Stored Append(FrameBatch batch) => Stored.All;

    /// <inheritdoc/>
    public void Dispose()
    {
        // It holds nothing.
    }
}
