using SseListener.Log;

namespace SseListener.Journal;

/// <summary>Whether a journal can be written; told in the log when that changes, not each time: who publishes goes on trying.</summary>
internal sealed class JournalHealth(LogWriter log)
{
    private volatile bool _isFailing;

    /// <summary>Whether the last try went well. Any thread may ask.</summary>
    public bool IsWritable => !_isFailing;

    /// <summary>Takes note of how a try went; null for well. For one thread at a time.</summary>
    public void Report(Exception? failure)
    {
        if (failure is not null && !_isFailing)
        {
            log.Error($"nothing can be published, for the journal cannot be written: {failure.Message}");
        }
        else if (failure is null && _isFailing)
        {
            log.Warning("the journal can be written again");
        }

        _isFailing = failure is not null;
    }
}
