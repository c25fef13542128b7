namespace SseListener.Events;

/// <summary>What is kept of the channels that a pattern covers. What it leaves open is as for channels without a rule.</summary>
/// <param name="Pattern">A channel's name, a pattern such as <c>prices/*</c>, or <c>*</c> for all.</param>
/// <param name="Bytes">Of frames, of all its channels together.</param>
/// <param name="Age">How long.</param>
/// <param name="Events">How many of each channel.</param>
internal sealed record KeepRule(string Pattern, long? Bytes, TimeSpan? Age, int? Events);
