using System.Diagnostics.Metrics;

namespace SseListener.Journal;

/// <summary>When a publish counts as stored.</summary>
internal enum JournalSync
{
    /// <summary>Once the operating system has it, which writes it to the disk within a second: safe from a crash of the process.</summary>
    Os,

    /// <summary>Once it is on the disk: safe from a power cut.</summary>
    Always,
}

/// <summary>
/// The folder of a journal, how many bytes of frames are kept there and for how long, when a publish counts as stored, and what records
/// the seconds that writes and flushes take.
/// </summary>
internal sealed record JournalOptions(
    string Folder, long Bytes, TimeSpan Age, JournalSync Sync, Histogram<double> Writes, Histogram<double> Flushes);
