using System.Security.Cryptography;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>Stores nothing: history is in memory only, and a restart loses it.</summary>
internal sealed class MemoryLog : IEventLog
{
    public long Last => 0;
    public byte[] Key { get; } = RandomNumberGenerator.GetBytes(PositionCipher.KeySize);
    public IReadOnlyList<long> Starts => [0];
    public string? Problem => null;

    public bool TryOpen(RestoreFrame restore, Action<HubWork> enqueue, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        return true;
    }

    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        apply(batch);
        return ValueTask.FromResult(Stored.All);
    }

    // It holds nothing.
    public void Dispose() { }
}
