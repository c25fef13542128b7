using System.Security.Cryptography;

namespace SseListener.Events;

/// <summary>Ids as the NanoId package makes them: its URL-safe alphabet, drawn with cryptographic randomness.</summary>
internal static class NanoId
{
    /// <summary>The 64 characters of NanoId's default alphabet; none needs escaping in a URL, a header or JSON.</summary>
    public const string Alphabet = "useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict";

    /// <summary>Length of the ids of clients and events, in characters: 60 random bits.</summary>
    public const int Size = 10;

    // Characters of 64 ids: each publish needs an id, and drawn by itself that costs 1.1 us, among so many 0.08.
    private const int DrawnAtOnce = 64 * Size;

    [ThreadStatic]
    private static char[]? _drawn;

    [ThreadStatic]
    private static int _left;

    /// <summary>A new random id.</summary>
    /// <param name="size">How many characters it has, from 1 to 640.</param>
    /// <exception cref="ArgumentOutOfRangeException">It has fewer or more.</exception>
    public static string Generate(int size = Size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, DrawnAtOnce);
        var drawn = _drawn ??= new char[DrawnAtOnce];
        if (_left < size)
        {
            RandomNumberGenerator.GetItems(Alphabet, drawn.AsSpan());
            _left = drawn.Length;
        }

        _left -= size;
        return new string(drawn, _left, size);
    }
}
