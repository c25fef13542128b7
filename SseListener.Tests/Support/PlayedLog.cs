using System.Diagnostics.CodeAnalysis;
using SseListener.Events;

namespace SseListener.Tests.Support;

/// <summary>A log that the test plays.</summary>
/// <param name="store">Stores a batch.</param>
internal sealed class PlayedLog(Func<FrameBatch, Stored> store) : IEventLog
{
    /// <summary>One that stores everything.</summary>
    public static PlayedLog Ready { get; } = new(_ => Stored.All);

    public long Last { get; init; }

    public byte[] Key { get; } = new byte[PositionCipher.KeySize];

    public IReadOnlyList<long> Starts => [Last];

    public string? Problem => null;

    public bool TryOpen(RestoreFrame restore, Action<HubWork> enqueue, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        return true;
    }

    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        var stored = store(batch);
        if (stored is Stored.All)
            apply(batch);

        return ValueTask.FromResult(stored);
    }

    public void Dispose()
    {
        // It holds nothing.
    }
}
