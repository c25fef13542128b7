namespace SseListener.Tests.Support;

/// <summary>What linux/tcp.h calls options for which .NET has no name.</summary>
internal static class TcpOption
{
    /// <summary>The level of TCP's options.</summary>
    public const int Level = 6;

    /// <summary>TCP_USER_TIMEOUT, in milliseconds.</summary>
    public const int UserTimeout = 18;
}
