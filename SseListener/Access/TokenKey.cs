using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;

namespace SseListener.Access;

/// <summary>
/// The key that verifies tokens, and the one algorithm (RFC 7518, section 3) that goes with it. If the token chose the algorithm, it could
/// choose none, or HMAC with the public key, which everybody has.
/// </summary>
internal sealed record TokenKey(SecurityKey Key, string Algorithm)
{
    // RFC 7518, sections 3.2 and 3.3.
    private const int ShortestSecret = 32;
    private const int ShortestRsa = 2048;

    // Without a name of ours the library names a key by a hash of it, and that in its messages (RFC 7638, section 7, warns of it).
    private const string KeyName = "the key";
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string Unreadable = "the name of a file that is not there or cannot be read;"
        + " what begins with / ./ ../ or ~/ or ends like .pem is taken for one, and a secret like that can stand in a file";
    private const string Private = "a private key, and has to be the public one that belongs to it";
    private const string OtherForm = "in the form of ssh, JWK, DER or other binary data,"
        + " and has to be a PEM public key (-----BEGIN PUBLIC KEY-----) or a secret";
    private const string OtherPem = "PEM, and has to be a public key (-----BEGIN PUBLIC KEY-----)"
        + " of RSA with at least 2048 bits or of EC P-256";

    private static readonly string[] _folders = ["/", "./", "../", "~/"];
    private static readonly string[] _extensions = [".pem", ".pub", ".key", ".crt", ".cer", ".der", ".jwk", ".json"];
    private static readonly string[] _otherForms = ["ssh-", "ecdsa-", "{"];
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a key from an option's text: a secret, a PEM public key, or the name of a file with one of them.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out TokenKey? key, out string expected)
    {
        (key, expected) = File.Exists(text) ? FromFile(text) : NamesFile(text) ? (null, Unreadable) : FromText(text);
        return key is not null;
    }

    // A file name that is wrong must not become a secret that everybody can guess.
    private static bool NamesFile(string text) =>
        _folders.Any(folder => text.StartsWith(folder, StringComparison.Ordinal))
        || _extensions.Contains(Path.GetExtension(text), StringComparer.OrdinalIgnoreCase)
        || (Path.GetDirectoryName(text) is { Length: > 0 } folder && Directory.Exists(folder));

    private static (TokenKey? Key, string Expected) FromFile(string path)
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

    private static (TokenKey? Key, string Expected) FromText(string text) =>
        !text.Contains("-----BEGIN", StringComparison.Ordinal) ? FromSecret(text)
        : text.Contains("PRIVATE", StringComparison.Ordinal) ? (null, Private)
        : text.Contains("PUBLIC KEY-----", StringComparison.Ordinal) && (FromRsa(text) ?? FromEc(text)) is { } key ? (key, "")
        : (null, OtherPem);

    private static (TokenKey? Key, string Expected) FromSecret(string text)
    {
        // A public key in some other form is known to everybody, and no secret.
        var secret = Encoding.UTF8.GetBytes(text);
        return _otherForms.Any(form => text.StartsWith(form, StringComparison.Ordinal)) || text.Any(char.IsControl)
                ? (null, OtherForm)
            : secret.Length < ShortestSecret ? (null, $"a secret of at least {ShortestSecret} bytes, where this one has {secret.Length},"
                + " or the name of a file, of which there is none")
            : (new TokenKey(new SymmetricSecurityKey(secret) { KeyId = KeyName }, SecurityAlgorithms.HmacSha256), "");
    }

#pragma warning disable CA2000 // A key that is read is needed for as long as the program runs.
    private static TokenKey? FromRsa(string pem) => Import(RSA.Create(), pem) is not { KeySize: >= ShortestRsa } rsa ? null
        : new TokenKey(new RsaSecurityKey(rsa) { KeyId = KeyName }, SecurityAlgorithms.RsaSha256);

    private static TokenKey? FromEc(string pem) => Import(ECDsa.Create(), pem) is not { } ec
        || ec.ExportParameters(includePrivateParameters: false).Curve.Oid.Value != P256 ? null
        : new TokenKey(new ECDsaSecurityKey(ec) { KeyId = KeyName }, SecurityAlgorithms.EcdsaSha256);
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
}
