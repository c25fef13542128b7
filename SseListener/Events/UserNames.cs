namespace SseListener.Events;

/// <summary>Names of users, as tokens have them: any text, but short, for there is one for each client.</summary>
internal static class UserNames
{
    /// <summary>Most bytes of UTF-8 in a name.</summary>
    public const int MaxLength = 128;

    public static bool IsName(string? text) => !string.IsNullOrEmpty(text) && Encoding.UTF8.GetByteCount(text) <= MaxLength;
}
