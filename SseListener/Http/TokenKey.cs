using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace SseListener.Http;

/// <summary>
/// What tokens are verified with, and the one algorithm (RFC 7518, section 3) that they may use with it. Were the token to choose, it
/// could be signed with nothing, or by HMAC with the public key, which everybody has.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Algorithm">The value that <c>alg</c> must have.</param>
internal sealed record TokenKey(SecurityKey Key, string Algorithm)
{
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // RFC 7518, sections 3.2 and 3.3.
    private const int ShortestSecret = 32;
    private const int ShortestRsa = 2048;

    // Left to itself, the library names a key by a hash of it, and that in its messages (RFC 7638, section 7, warns of it).
    private const string KeyName = "the key";

    private const string P256 = "1.2.840.10045.3.1.7";

    private const string Expected = "a secret of at least 32 bytes, or a file with such a secret or with a PEM public key (RSA of at least 2048 bits, or EC P-256);"
        + " what begins with / ./ ../ or ~/ is a file";

    /// <summary>Reads a key from an option's text: a secret, a PEM public key, or the name of a file with one of them.</summary>
    public static bool TryRead(string text, out object value)
    {
        var key = TryReadFile(text, out var content) ? FromText(content) : NamesFile(text) ? null : FromText(text);
        value = key is null ? Expected : key;
        return key is not null;
    }

    // A file name that is wrong must not become a secret that everybody can guess.
    private static bool NamesFile(string text) =>
        text.StartsWith('/') || text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal) || text.StartsWith("~/", StringComparison.Ordinal)
        || Path.GetExtension(text).ToUpperInvariant() is ".PEM" or ".PUB" or ".KEY" or ".CRT" or ".CER" or ".DER" or ".JWK" or ".JSON"
        || (Path.GetDirectoryName(text) is { Length: > 0 } folder && Directory.Exists(folder));

    private static bool TryReadFile(string path, out string content)
    {
        content = "";
        try
        {
            var isThere = File.Exists(path);
            content = isThere ? _strict.GetString(File.ReadAllBytes(path)).Trim() : "";
            return isThere;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return File.Exists(path);
        }
    }

    private static TokenKey? FromText(string text) => text.Contains("-----BEGIN", StringComparison.Ordinal) ? FromPem(text) : FromSecret(text);

    private static TokenKey? FromPem(string text) =>
        text.Contains("PUBLIC KEY-----", StringComparison.Ordinal) && !text.Contains("PRIVATE", StringComparison.Ordinal) ? FromRsa(text) ?? FromEc(text) : null;

    // What is a public key in some other form is known to everybody, and no secret.
    private static TokenKey? FromSecret(string text)
    {
        var secret = Encoding.UTF8.GetBytes(text);
        var isOtherKey = text.StartsWith("ssh-", StringComparison.Ordinal) || text.StartsWith("ecdsa-", StringComparison.Ordinal) || text.StartsWith('{') || text.Any(char.IsControl);
        return secret.Length < ShortestSecret || isOtherKey ? null
            : new TokenKey(new SymmetricSecurityKey(secret) { KeyId = KeyName }, SecurityAlgorithms.HmacSha256);
    }

#pragma warning disable CA2000 // A key that is read is needed for as long as the program runs.
    private static TokenKey? FromRsa(string pem)
    {
        var rsa = RSA.Create();
        return TryImport(rsa, pem) && rsa.KeySize >= ShortestRsa ? new TokenKey(new RsaSecurityKey(rsa) { KeyId = KeyName }, SecurityAlgorithms.RsaSha256) : null;
    }

    private static TokenKey? FromEc(string pem)
    {
        var ec = ECDsa.Create();
        return TryImport(ec, pem) && ec.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == P256 ? new TokenKey(new ECDsaSecurityKey(ec) { KeyId = KeyName }, SecurityAlgorithms.EcdsaSha256) : null;
    }

#pragma warning restore CA2000

    private static bool TryImport(AsymmetricAlgorithm algorithm, string pem)
    {
        try
        {
            algorithm.ImportFromPem(pem);
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }
}
