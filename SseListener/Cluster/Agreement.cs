namespace SseListener.Cluster;

/// <summary>
/// Finds what the log holds from what its replicas hold: at each sequence the message that a majority of them has. A server that was paused
/// or killed may come back with messages that it took for the log's and the others never had, and then reads them out like all others:
/// a reader of that server alone would have another log. Not thread-safe.
/// </summary>
/// <param name="replicas">How many there are.</param>
/// <param name="decided">The sequence behind which to begin.</param>
internal sealed class Agreement(int replicas, long decided)
{
    private readonly Queue<Copy>[] _copies = [.. Enumerable.Range(0, replicas).Select(_ => new Queue<Copy>())];

    public int Replicas => replicas;

    /// <summary>Adds the next message that a replica holds.</summary>
    public void Add(int replica, Copy copy) => _copies[replica].Enqueue(copy);

    /// <summary>Forgets what a replica was said to hold: it is read again.</summary>
    public void Forget(int replica) => _copies[replica].Clear();

    /// <summary>
    /// The log's next message, if the replicas have said enough. Sequences before it that are left out have no message that a majority
    /// has, and never will.
    /// </summary>
    public bool TryTake([NotNullWhen(true)] out Copy? agreed)
    {
        agreed = null;
        while (agreed is null)
        {
            var heads = new List<Copy>(replicas);
            foreach (var copies in _copies)
            {
                while (copies.TryPeek(out var head) && head.Sequence <= decided)
                    copies.Dequeue();

                if (copies.Count > 0)
                    heads.Add(copies.Peek());
            }

            agreed = heads.Find(head => heads.Count(head.IsSameAs) > replicas / 2);
            if (agreed is null && heads.Count < replicas)
                return false;

            decided = agreed?.Sequence ?? heads.Min(head => head.Sequence);
        }

        return true;
    }
}
