namespace SseListener.Cluster;

/// <summary>A sequence that grows, and those who wait until it has reached one. Any thread may use it.</summary>
internal sealed class Progress(long sequence)
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();

    public long Sequence { get; private set; } = sequence;

    /// <summary>Completes when the sequence has been reached.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended before.</exception>
    public async Task WaitAsync(long target, CancellationToken end)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Sequence >= target)
                return;

            _waiting.Enqueue(reached, target);
        }

        try
        {
            await reached.Task.WaitAsync(end);
        }
        catch (OperationCanceledException)
        {
            // While the log stands still many may come and give up.
            lock (_lock)
                _waiting.Remove(reached, out _, out _);

            throw;
        }
    }

    public void Reach(long sequence)
    {
        lock (_lock)
        {
            Sequence = Math.Max(Sequence, sequence);
            while (_waiting.TryPeek(out var reached, out var target) && target <= Sequence)
            {
                reached.SetResult();
                _waiting.Dequeue();
            }
        }
    }
}
