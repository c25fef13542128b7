using System.Security.Cryptography;
using SseListener.Access;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is taken for a key, and what must not be.</summary>
public sealed class TokenKeys
{
    [Test]
    public void A_key_that_is_none_is_not_taken()
    {
        using var rsa = RSA.Create(1024);
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var good = RSA.Create(2048);
        using var other = ECDsa.Create(ECCurve.CreateFromFriendlyName("secp256k1"));
        using var folder = new TempFolder();
        string[] bad =
        [
            "short", new string('x', 31), "", "/run/secrets-that-are-not-mounted/public-key", "./config/keys-that-are-not-there/key", "../config/keys-that-are-not-there/key", "~/keys-that-are-not-there/public-key",
            "authentication-server-public-key.PEM", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ", """{"kty":"RSA","n":"AAAAAAAAAAAAAAAAAAAAAA","e":"AQAB"}""",
            good.ExportPkcs8PrivateKeyPem(), WriteFile(folder, other.ExportSubjectPublicKeyInfoPem()), WriteFile(folder, good.ExportSubjectPublicKeyInfo()), "missing-but-longer-than-thirty-two-characters.pem", Path.Combine(folder.Path, "missing-file-in-a-folder-that-is-there"),
            WriteFile(folder, rsa.ExportSubjectPublicKeyInfoPem()), WriteFile(folder, ec.ExportSubjectPublicKeyInfoPem()), WriteFile(folder, good.ExportPkcs8PrivateKeyPem()),
            WriteFile(folder, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), WriteFile(folder, "too short"), WriteFile(folder, ""),
        ];
        // A key without the first and last lines of its block, in several lines or in one.
        var block = other.ExportSubjectPublicKeyInfoPem().Split('\n')[1..^1];
        bad = [.. bad, WriteFile(folder, string.Join('\n', block)), string.Concat(block), Convert.ToBase64String(good.ExportSubjectPublicKeyInfo())];
        foreach (var text in bad)
            Assert.That(TokenKey.TryRead(text, out _, out _), Is.False, text);

        foreach (var text in (string[])[new string('x', 32), new string('ü', 16), WriteFile(folder, new string('x', 32) + "\n"), WriteFile(folder, good.ExportSubjectPublicKeyInfoPem()), WriteFile(folder, good.ExportRSAPublicKeyPem())])
            Assert.That(TokenKey.TryRead(text, out _, out _), Is.True, text);

        // A public key is one wherever it is given, and whatever stands before it; as a secret everybody would have it.
        foreach (var text in (string[])[good.ExportSubjectPublicKeyInfoPem(), good.ExportSubjectPublicKeyInfoPem() + "\n", WriteFile(folder, "a comment\n" + good.ExportSubjectPublicKeyInfoPem())])
        {
            Assert.That(TokenKey.TryRead(text, out var keys, out _), Is.True, text);
            Assert.That(keys!.Single().Algorithms, Is.EqualTo((string[])["RS256"]));
        }
    }

    [Test]
    public void What_is_wrong_with_a_key_is_said()
    {
        using var small = RSA.Create(1024);
        using var good = RSA.Create(2048);
        using var folder = new TempFolder();
        var wrong = new Dictionary<string, string>
        {
            ["too short"] = "a secret of at least 32 bytes, where this one has 9",
            [WriteFile(folder, "")] = "a secret of at least 32 bytes, where this one has 0",
            ["/no/such/file"] = "the name of a file that is not there or cannot be read",
            ["missing.pem"] = "the name of a file that is not there or cannot be read",
            [WriteFile(folder, good.ExportPkcs8PrivateKeyPem())] = "a private key, and has to be the public one",
            [good.ExportRSAPrivateKeyPem()] = "a private key, and has to be the public one",
            [WriteFile(folder, small.ExportSubjectPublicKeyInfoPem())] = "of RSA with at least 2048 bits",
            [WriteFile(folder, good.ExportSubjectPublicKeyInfo())] = "in the form of ssh, JWK, DER",
            ["ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ"] = "in the form of ssh, JWK, DER",
        };
        foreach (var (text, problem) in wrong)
        {
            TokenKey.TryRead(text, out _, out var said);
            Assert.That(said, Does.StartWith(problem).Or.EndsWith(problem + " or of EC P-256 or P-384"), text);
        }
    }

    private static string WriteFile(TempFolder folder, string text) => WriteFile(folder, System.Text.Encoding.UTF8.GetBytes(text));

    private static string WriteFile(TempFolder folder, byte[] bytes)
    {
        var file = Path.Combine(folder.Path, Guid.NewGuid().ToString());
        File.WriteAllBytes(file, bytes);
        return file;
    }
}
