using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.IdentityModel.Tokens;

namespace SseListener.Access;

/// <summary>
/// A key that verifies tokens, and the algorithms (RFC 7518, section 3) that go with it. If the token chose the algorithm, it could choose
/// none, or HMAC with the public key, which everybody has.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Id">Its <c>kid</c>; null for a key without one, which is tried for every token.</param>
/// <param name="Algorithms">What a token may be signed with: usually one.</param>
internal sealed record TokenKey(SecurityKey Key, string? Id, IReadOnlyList<string> Algorithms)
{
    // RFC 7518, sections 3.2 and 3.3.
    private const int ShortestSecret = 32;
    private const int ShortestRsa = 2048;

    private const string Unreadable = "the name of a file that is not there or cannot be read;"
        + " what begins with / ./ ../ or ~/ or ends like .pem is taken for one, and a secret like that can stand in a file";
    private const string Private = "a private key, and has to be the public one that belongs to it";
    private const string OtherForm = "in the form of ssh, JWK, DER or other binary data,"
        + " and has to be a PEM public key (-----BEGIN PUBLIC KEY-----) or a secret; a set of keys in JSON is for --jwks";
    private const string OtherPem = "PEM, and has to be a public key (-----BEGIN PUBLIC KEY-----)"
        + " of RSA with at least 2048 bits or of EC P-256 or P-384";

    private static readonly string[] _folders = ["/", "./", "../", "~/"];
    private static readonly string[] _extensions = [".pem", ".pub", ".key", ".crt", ".cer", ".der", ".jwk", ".json"];
    private static readonly string[] _otherForms = ["ssh-", "ecdsa-", "{"];
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // RFC 7518, section 3.4.
    private static readonly (string Curve, string Algorithm)[] _curves =
        [("1.2.840.10045.3.1.7", SecurityAlgorithms.EcdsaSha256), ("1.3.132.0.34", SecurityAlgorithms.EcdsaSha384)];

    /// <summary>
    /// Reads keys from an option's text: secrets, one a line, or PEM public keys, one behind the other, or the name of a file with either.
    /// </summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out IReadOnlyList<TokenKey>? keys, out string expected)
    {
        (keys, expected) = File.Exists(text) ? FromFile(text) : NamesFile(text) ? (null, Unreadable) : FromText(text);
        return keys is not null;
    }

    /// <summary>A key of RSA; null if it is too short to count.</summary>
    public static TokenKey? Of(RSA rsa, string? id, params IReadOnlyList<string> algorithms) =>
        rsa.KeySize < ShortestRsa ? null : new TokenKey(Named(new RsaSecurityKey(rsa), id), id, algorithms);

    /// <summary>A key of an elliptic curve; null if it is of one that does not count.</summary>
    public static TokenKey? Of(ECDsa ec, string? id)
    {
        var curve = ec.ExportParameters(includePrivateParameters: false).Curve.Oid.Value;
        var algorithm = Array.Find(_curves, known => known.Curve == curve).Algorithm;
        return algorithm is null ? null : new TokenKey(Named(new ECDsaSecurityKey(ec), id), id, [algorithm]);
    }

    // A file name that is wrong must not become a secret that everybody can guess.
    private static bool NamesFile(string text) =>
        _folders.Any(folder => text.StartsWith(folder, StringComparison.Ordinal))
        || _extensions.Contains(Path.GetExtension(text), StringComparer.OrdinalIgnoreCase)
        || (Path.GetDirectoryName(text) is { Length: > 0 } folder && Directory.Exists(folder));

    private static (IReadOnlyList<TokenKey>? Keys, string Expected) FromFile(string path)
    {
        try
        {
            return FromText(_strict.GetString(File.ReadAllBytes(path)).Trim());
        }
        catch (DecoderFallbackException)
        {
            return (null, OtherForm);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, Unreadable);
        }
    }

    private static (IReadOnlyList<TokenKey>? Keys, string Expected) FromText(string text)
    {
        var isPem = text.Contains("-----BEGIN", StringComparison.Ordinal);
        if (isPem && text.Contains("PRIVATE", StringComparison.Ordinal))
            return (null, Private);

        // The lines of a PEM block whose first and last are missing would each be a secret that everybody knows.
        if (!isPem && IsBlock(text))
            return (null, OtherForm);

        var parts = isPem ? Regex.Matches(text, "-----BEGIN.*?(?=-----BEGIN|$)", RegexOptions.Singleline).Select(block => block.Value)
            : text.Split(["\n", "\r"], StringSplitOptions.RemoveEmptyEntries);
        var read = parts.DefaultIfEmpty("").Select(part => isPem ? FromPem(part) : FromSecret(part)).ToList();
        var wrong = read.Find(key => key.Key is null);
        return wrong.Expected is null ? ([.. read.Select(key => key.Key!)], "") : (null, wrong.Expected);
    }

    private static (TokenKey? Key, string Expected) FromSecret(string text)
    {
        // A public key in some other form is known to everybody, and no secret.
        var secret = Encoding.UTF8.GetBytes(text);
        return _otherForms.Any(form => text.StartsWith(form, StringComparison.Ordinal)) || text.Any(char.IsControl) || IsBlock(text)
                ? (null, OtherForm)
            : secret.Length < ShortestSecret ? (null, $"a secret of at least {ShortestSecret} bytes, where this one has {secret.Length},"
                + " or the name of a file, of which there is none")
            : (new TokenKey(Named(new SymmetricSecurityKey(secret), id: null), Id: null, [SecurityAlgorithms.HmacSha256]), null!);
    }

    // Keys and certificates are a sequence in DER (RFC 5280, section 4.1), and stand in files as base64.
    private static bool IsBlock(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length)
            && AsnDecoder.TryReadEncodedValue(bytes.AsSpan(0, length), AsnEncodingRules.DER, out var tag, out _, out _, out var read)
            && tag == Asn1Tag.Sequence && read == length;
    }

#pragma warning disable CA2000 // A key that is read is needed for as long as the program runs.
    private static (TokenKey? Key, string Expected) FromPem(string pem) =>
        !pem.Contains("PUBLIC KEY-----", StringComparison.Ordinal) ? (null, OtherPem)
        : Import(RSA.Create(), pem) is { } rsa && Of(rsa, id: null, SecurityAlgorithms.RsaSha256) is { } ofRsa ? (ofRsa, null!)
        : Import(ECDsa.Create(), pem) is { } ec && Of(ec, id: null) is { } ofEc ? (ofEc, null!)
        : (null, OtherPem);
#pragma warning restore CA2000

    private static T? Import<T>(T algorithm, string pem) where T : AsymmetricAlgorithm
    {
        try
        {
            algorithm.ImportFromPem(pem);
            return algorithm;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    // Without a name the library names a key by a hash of it, and that in its messages (RFC 7638, section 7, warns of it).
    private static SecurityKey Named(SecurityKey key, string? id)
    {
        key.KeyId = id ?? "the key";
        return key;
    }
}
