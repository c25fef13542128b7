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
    // RFC 7518, sections 3.2 and 3.3.
    private const int ShortestSecret = 32;
    private const int ShortestRsa = 2048;
    private const int P256 = 256;

    private const string Expected = "a secret of at least 32 bytes, or a file with such a secret or with a PEM public key (RSA of at least 2048 bits, or EC P-256)";

    /// <summary>Reads a key from an option's text: a secret, or the name of a file.</summary>
    public static bool TryRead(string text, out object value)
    {
        var key = TryReadFile(text, out var content) ? FromText(content) : NamesFile(text) ? null : FromSecret(text);
        value = key is null ? Expected : key;
        return key is not null;
    }

    // A mistyped file name must not become a secret that everybody can guess.
    private static bool NamesFile(string text) =>
        Path.GetExtension(text) is ".pem" or ".pub" or ".key" or ".crt" or ".cer"
        || (Path.GetDirectoryName(text) is { Length: > 1 } folder && Directory.Exists(folder));

    private static bool TryReadFile(string path, out string content)
    {
        content = "";
        try
        {
            content = File.Exists(path) ? File.ReadAllText(path).Trim() : "";
            return content.Length > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static TokenKey? FromText(string text)
    {
        if (!text.StartsWith("-----BEGIN", StringComparison.Ordinal))
        {
            return FromSecret(text);
        }

        return text.Contains("PUBLIC KEY-----", StringComparison.Ordinal) ? FromRsa(text) ?? FromEc(text) : null;
    }

    private static TokenKey? FromSecret(string text)
    {
        var secret = Encoding.UTF8.GetBytes(text);
        return secret.Length < ShortestSecret ? null : new TokenKey(new SymmetricSecurityKey(secret), SecurityAlgorithms.HmacSha256);
    }

#pragma warning disable CA2000 // A key that is read is needed for as long as the program runs.
    private static TokenKey? FromRsa(string pem)
    {
        var rsa = RSA.Create();
        return TryImport(rsa, pem) && rsa.KeySize >= ShortestRsa ? new TokenKey(new RsaSecurityKey(rsa), SecurityAlgorithms.RsaSha256) : null;
    }

    private static TokenKey? FromEc(string pem)
    {
        var ec = ECDsa.Create();
        return TryImport(ec, pem) && ec.KeySize == P256 ? new TokenKey(new ECDsaSecurityKey(ec), SecurityAlgorithms.EcdsaSha256) : null;
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
