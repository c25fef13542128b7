namespace SseListener.Journal;

/// <summary>How far an event has got when its publisher is told that it is kept.</summary>
internal enum JournalSync
{
    /// <summary>The operating system has it, which writes it to the disk within about a second: safe from a crash of the process.</summary>
    Os,

    /// <summary>It is on the disk: safe from a power cut.</summary>
    Always,
}
