namespace SseListener.Bench;

/// <summary>Nothing can be measured; the message says why, for the user.</summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "It always has a message.")]
internal sealed class BenchException(string message) : Exception(message);
