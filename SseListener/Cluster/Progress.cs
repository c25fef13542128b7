namespace SseListener.Cluster;

/// <summary>A sequence that grows, and those who wait until it has reached one. Any thread may use it.</summary>
internal sealed class Progress(long sequence)
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();

    public long Sequence { get; private set; } = sequence;

    /// <summary>Completes when the sequence has been reached.</summary>
    public Task WaitAsync(long target)
    {
        lock (_lock)
        {
            if (Sequence >= target)
                return Task.CompletedTask;

            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(reached, target);
            return reached.Task;
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
