using System.Buffers.Text;
using System.Security.Cryptography;

namespace SseListener.Events;

/// <summary>
/// Ids for places in the log: the number of the last frame before the place, enciphered. Such an id tells nothing of what others publish,
/// not even whether they do, since a part of it is drawn at random; and one of another log is recognised. Any thread may use it.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It lives as long as the hub.")]
internal sealed class PositionCipher
{
    /// <summary>What these ids begin with, and ids of publishers do not.</summary>
    public const char Mark = '@';
    public const int KeySize = 16;

    // One block: the number, random bytes or a moment, which of both, and zeros, which no other key would leave there.
    private const int BlockSize = 16;
    private const int IdLength = 23;
    private const int RandomAt = 8;
    private const int KindAt = 12;
    private const int ZerosAt = 13;
    private const int MomentShift = 6; // Units of 64 us: as 32 bits they come round again after three days.
    private const long OldestMoment = 30 * 60 * 1_000_000L >> MomentShift;

    private readonly Lock _lock = new();
    private readonly Aes _aes = Aes.Create(); // Its first key is drawn at random.

    /// <summary>Enciphers with the key that is kept with the log; before the first id is given.</summary>
    public void UseKey(byte[] key) => _aes.Key = key;

    /// <summary>The id of the place behind a number; with a moment (<see cref="SteadyClock.Microseconds"/>) it says that as well.</summary>
    public string Encode(long sequence, long? moment = null)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        BitConverter.TryWriteBytes(block, sequence);
        if (moment is null)
            RandomNumberGenerator.Fill(block[RandomAt..KindAt]);
        else
            BitConverter.TryWriteBytes(block[RandomAt..], (uint)(moment >> MomentShift));

        block[KindAt] = (byte)(moment is null ? 0 : 1);
        lock (_lock)
            _aes.EncryptEcb(block, block, PaddingMode.None);

        return Mark + Base64Url.EncodeToString(block);
    }

    /// <summary>Reads an id; false when it is not of this log.</summary>
    public bool TryDecode(string id, out long sequence)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        var isGood = TryDecipher(id, block);
        sequence = BitConverter.ToInt64(block);
        return isGood;
    }

    /// <summary>The moment that an id says, up to 64 us early; null when it says none of the last half hour or the next.</summary>
    public long? MomentOf(string id)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        if (!TryDecipher(id, block) || block[KindAt] == 0)
            return null;

        var now = SteadyClock.Microseconds >> MomentShift;
        var age = unchecked((int)((uint)now - BitConverter.ToUInt32(block[RandomAt..])));
        return Math.Abs((long)age) > OldestMoment ? null : (now - age) << MomentShift;
    }

    private bool TryDecipher(string id, Span<byte> block)
    {
        if (id.Length != IdLength || id[0] != Mark
            || Base64Url.DecodeFromChars(id.AsSpan(1), block, out _, out var length) is not OperationStatus.Done || length != BlockSize)
        {
            block.Clear();
            return false;
        }

        lock (_lock)
            _aes.DecryptEcb(block, block, PaddingMode.None);

        return block[KindAt] <= 1 && !block[ZerosAt..].ContainsAnyExcept((byte)0);
    }
}
