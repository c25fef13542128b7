using System.Diagnostics.CodeAnalysis;

namespace SseListener.Http;

/// <summary>Which channel a request means. For the time being there is one.</summary>
internal static class Channels
{
    /// <summary>The channel of a request that names none.</summary>
    public const string Default = "default";

    /// <summary>Reads the query parameter <c>channel</c>; false leaves a <paramref name="problem"/> for the client.</summary>
    public static bool TryRead(RequestTarget target, out string channel, [NotNullWhen(false)] out string? problem)
    {
        channel = Default;
        problem = target.All("channel").All(name => name == Default) ? null : $"There is only the channel \"{Default}\".";
        return problem is null;
    }
}
