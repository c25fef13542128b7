using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace SseListener.Access;

/// <summary>A set of public keys (RFC 7517), as an option gives it: read from a file, or to be asked for at an address.</summary>
internal sealed record KeySet(IReadOnlyList<TokenKey> Keys, Uri? Address)
{
    // A token that names no key costs a verification for each.
    private const int MostKeys = 100;

    private const string Expected = "the address of a set of keys (https, but on this machine also http), or the name of a file with one";
    private static readonly string[] _rsa = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256];

    /// <summary>Reads the text of an option: an address, or the name of a file, which is read at once.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out KeySet? set, out string expected)
    {
        (set, expected) = (null, Expected);
        if (TryReadAddress(text, out var address))
        {
            set = new KeySet([], address);
            return true;
        }

        try
        {
            set = TryParse(File.ReadAllBytes(text), out var keys, out var problem) ? new KeySet(keys, Address: null) : null;
            expected = set is null ? $"the name of a file with a set of keys, of which {problem}" : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // Then there is no file of this name.
        }

        return set is not null;
    }

    /// <summary>Whether a text is an address that keys may come from: anyone who can change an answer can sign tokens.</summary>
    public static bool TryReadAddress(string? text, [NotNullWhen(true)] out Uri? address) =>
        Uri.TryCreate(text, UriKind.Absolute, out address)
        && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
        && address.UserInfo.Length == 0;

    /// <summary>Reads a set. Keys that are for something else, or of another kind, are passed over; one has to be left.</summary>
    /// <returns>Whether there is a key; otherwise <paramref name="problem"/> continues "the set of keys, of which …".</returns>
    public static bool TryParse(ReadOnlySpan<byte> json, out IReadOnlyList<TokenKey> keys, out string problem)
    {
        (keys, problem) = ([], "none is of RSA with 2048 bits or more, or of EC P-256 or P-384, and for signatures");
        try
        {
            // A file may begin with a byte order mark.
            using var set = JsonDocument.Parse(Encoding.UTF8.GetString(json).TrimStart('\uFEFF'));
            var all = set.RootElement.GetProperty("keys");
            if (all.GetArrayLength() > MostKeys)
                problem = $"there are more than {MostKeys}";
            else
                keys = [.. all.EnumerateArray().Select(FromJson).OfType<TokenKey>()];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            problem = "nothing can be read: it is not {\"keys\":[…]}";
        }

        return keys.Count > 0;
    }

    // RFC 7517, section 5: a key that is not understood does no harm to the others.
    private static TokenKey? FromJson(JsonElement text)
    {
        try
        {
            return FromJson(new JsonWebKey(text.GetRawText()));
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or FormatException or IndexOutOfRangeException)
        {
            // The last one is .NET's for an empty modulus.
            return null;
        }
    }

    // A private key that has been published is no longer one, and a secret (kty oct) neither.
    private static TokenKey? FromJson(JsonWebKey key)
    {
        var isForSignatures = key.Use is null or "" or "sig" && (key.KeyOps.Count == 0 || key.KeyOps.Contains("verify"));
        if (!isForSignatures || !string.IsNullOrEmpty(key.D))
            return null;

        // RFC 7517, section 4.4: the key may say which algorithm it is for.
        var id = string.IsNullOrEmpty(key.Kid) ? null : key.Kid;
        var read = key.Kty switch { "RSA" => FromRsa(key, id), "EC" => FromEc(key, id), _ => null };
        return string.IsNullOrEmpty(key.Alg) || read is null ? read
            : read.Algorithms.Contains(key.Alg) ? read with { Algorithms = [key.Alg] } : null;
    }

#pragma warning disable CA2000 // Tokens that are being verified may need a key when newer ones have taken its place.
    private static TokenKey? FromRsa(JsonWebKey key, string? id) => TokenKey.Of(RSA.Create(new RSAParameters
    {
        Modulus = Base64UrlEncoder.DecodeBytes(key.N),
        Exponent = Base64UrlEncoder.DecodeBytes(key.E),
    }), id, _rsa);

    private static TokenKey? FromEc(JsonWebKey key, string? id) => TokenKey.Of(ECDsa.Create(new ECParameters
    {
        Curve = key.Crv == "P-384" ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64UrlEncoder.DecodeBytes(key.X), Y = Base64UrlEncoder.DecodeBytes(key.Y) },
    }), id);
#pragma warning restore CA2000
}
