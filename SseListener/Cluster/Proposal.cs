using SseListener.Events;

namespace SseListener.Cluster;

/// <summary>A publish that this hub is to store.</summary>
/// <param name="Work">The publish, which is answered in the end.</param>
/// <param name="Result">Its answer if it counts.</param>
/// <param name="Lines">Its frames, encoded as in a journal.</param>
/// <param name="Frames">How many they are.</param>
/// <param name="Seen">Up to which message of the log it was compared with earlier ones.</param>
internal sealed record Proposal(Publish Work, PublishResult.Published Result, byte[] Lines, int Frames, long Seen)
{
    /// <summary>Answers that nobody knows what became of it.</summary>
    public void GiveUp() => Work.Answer.TrySetResult(new PublishResult.Uncertain(Result.Ids));
}

/// <summary>Publishes that this hub sends as one message.</summary>
internal sealed record Message(long Number, List<Proposal> Proposals)
{
    /// <summary>Completes when the message has been read back.</summary>
    public TaskCompletionSource IsDone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Of the first, which was judged first: the others may have been compared with more.</summary>
    public long Seen => Proposals[0].Seen;
    public bool IsAwaited => Proposals.Exists(proposal => !proposal.Work.Answer.Task.IsCompleted);

    public byte[] Join()
    {
        var output = new ArrayBufferWriter<byte>(Proposals.Sum(proposal => proposal.Lines.Length));
        Proposals.ForEach(proposal => output.Write(proposal.Lines));
        return output.WrittenSpan.ToArray();
    }
}
