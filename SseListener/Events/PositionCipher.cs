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

    // One block: the number, random bytes, and zeros, which no other key would leave there.
    private const int BlockSize = 16;
    private const int IdLength = 23;
    private const int RandomAt = 8;
    private const int ZerosAt = 12;

    private readonly Lock _lock = new();
    private readonly Aes _aes = Aes.Create(); // Its first key is drawn at random.

    /// <summary>Enciphers with the key that is kept with the log; before the first id is given.</summary>
    public void UseKey(byte[] key) => _aes.Key = key;

    public string Encode(long sequence)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        BitConverter.TryWriteBytes(block, sequence);
        RandomNumberGenerator.Fill(block[RandomAt..ZerosAt]);
        lock (_lock)
            _aes.EncryptEcb(block, block, PaddingMode.None);

        return Mark + Base64Url.EncodeToString(block);
    }

    /// <summary>Reads an id; false when it is not of this log.</summary>
    public bool TryDecode(string id, out long sequence)
    {
        sequence = 0;
        Span<byte> block = stackalloc byte[BlockSize];
        if (id.Length != IdLength || id[0] != Mark
            || Base64Url.DecodeFromChars(id.AsSpan(1), block, out _, out var length) is not OperationStatus.Done || length != BlockSize)
        {
            return false;
        }

        lock (_lock)
            _aes.DecryptEcb(block, block, PaddingMode.None);

        sequence = BitConverter.ToInt64(block);
        return !block[ZerosAt..].ContainsAnyExcept((byte)0);
    }
}
