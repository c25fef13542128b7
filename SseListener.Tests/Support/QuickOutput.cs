namespace SseListener.Tests.Support;

/// <summary>A stream whose writes succeed at once, as those to a connection with room do.</summary>
internal class QuickOutput : MemoryStream
{
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state)
    {
        Write(buffer, offset, count);
        return new Done(state);
    }

    public override void EndWrite(IAsyncResult asyncResult)
    {
        // Nothing can have failed.
    }

    private sealed record Done(object? AsyncState) : IAsyncResult
    {
        public WaitHandle AsyncWaitHandle => throw new NotSupportedException();

        public bool CompletedSynchronously => true;

        public bool IsCompleted => true;
    }
}
