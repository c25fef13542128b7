using System.Security.Cryptography;

namespace SseListener.Events;

/// <summary>Ids as the NanoId package makes them: its URL-safe alphabet, drawn with cryptographic randomness.</summary>
internal static class NanoId
{
    /// <summary>The 64 characters of NanoId's default alphabet; none needs escaping in a URL, a header or JSON.</summary>
    public const string Alphabet = "useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict";

    /// <summary>Length of the ids of clients and events, in characters: 60 random bits.</summary>
    public const int Size = 10;

    public static string Generate() => RandomNumberGenerator.GetString(Alphabet, Size);
}
