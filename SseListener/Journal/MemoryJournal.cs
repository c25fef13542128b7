using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>Keeps nothing: history is in memory only, and a restart loses it.</summary>
internal sealed class MemoryJournal : IEventLog
{
    /// <inheritdoc/>
    public long Last => 0;

    /// <inheritdoc/>
    public byte[] Key { get; } = RandomNumberGenerator.GetBytes(PositionCipher.KeySize);

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
    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        apply(batch);
        return ValueTask.FromResult(Stored.All);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // It holds nothing.
    }
}
