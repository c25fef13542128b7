namespace SseListener.Events;

/// <summary>
/// Bounds what clients take together while they are sent something. When there is too little left, the one that has had its share for
/// longest gives way. Clients that read are done before it is their turn, so those that do not read keep out only each other. Any thread
/// may use it.
/// </summary>
internal sealed class Quota(long size)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Share> _shares = []; // Oldest first.
    private long _taken;

    /// <summary>
    /// Takes a share, which may be larger than the whole, until it is disposed. If it has to give way before, <paramref name="giveWay"/> is
    /// called, under a lock: never once it has been disposed.
    /// </summary>
    public IDisposable Acquire(long shareSize, Action giveWay)
    {
        lock (_lock)
        {
            while (_taken + shareSize > size && _shares.First is { Value: var oldest })
            {
                oldest.Dispose();
                oldest.GiveWay();
            }

            _taken += shareSize;
            var share = new Share(this, shareSize, giveWay);
            _shares.AddLast(share.Node);
            return share;
        }
    }

    private void Free(Share share)
    {
        lock (_lock)
        {
            if (share.Node.List is null)
                return;

            _shares.Remove(share.Node);
            _taken -= share.Size;
        }
    }

    private sealed class Share : IDisposable
    {
        private readonly Quota _quota;

        public Share(Quota quota, long size, Action giveWay)
        {
            (_quota, Size, GiveWay) = (quota, size, giveWay);
            Node = new LinkedListNode<Share>(this);
        }

        public long Size { get; }
        public Action GiveWay { get; }
        public LinkedListNode<Share> Node { get; }
        public void Dispose() => _quota.Free(this);
    }
}
