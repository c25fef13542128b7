using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SseListener.Tests.Support;

/// <summary>A key that signs tokens, and the public key that belongs to it, as JSON (RFC 7517).</summary>
internal sealed class Signer : IDisposable
{
    private readonly AsymmetricAlgorithm _key;
    private readonly string _algorithm;

    /// <summary>A new key for one of RS256, RS512, PS256, ES256, ES384.</summary>
    /// <param name="algorithm">What it signs with.</param>
    /// <param name="id">Its name; null for none.</param>
    /// <param name="tells">Whether its public key says what it is for.</param>
    public Signer(string algorithm, string? id, bool tells = true)
    {
        (_algorithm, Id) = (algorithm, id);
        _key = algorithm switch
        {
            "ES256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            "ES384" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            _ => RSA.Create(2048),
        };
        PublicKey = Describe();
        if (tells)
            (PublicKey["alg"], PublicKey["use"]) = (algorithm, "sig");

        if (id is not null)
            PublicKey["kid"] = id;
    }

    public string? Id { get; }

    public JsonObject PublicKey { get; }

    public string Pem => _key.ExportSubjectPublicKeyInfoPem();

    /// <summary>A good token of an issuer that may publish to all channels and listen to all.</summary>
    public string Token(string? issuer = null, string? id = null, string? algorithm = null) => Sign(JsonSerializer.Serialize(new
    {
        iss = issuer,
        sse = new { publish = (string[])["*"], subscribe = (string[])["*"] },
        exp = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds(),
    }), id, algorithm);

    /// <summary>A token with these claims, which names this key, or another one, or another algorithm.</summary>
    public string Sign(string claims, string? id = null, string? algorithm = null)
    {
        var header = new JsonObject { ["alg"] = algorithm ?? _algorithm };
        if ((id ?? Id) is { } name)
            header["kid"] = name;

        return Jwt.Sign(header.ToJsonString(), claims, bytes => SignBytes(bytes, algorithm ?? _algorithm));
    }

    public void Dispose() => _key.Dispose();

    private byte[] SignBytes(byte[] bytes, string algorithm)
    {
        var hash = algorithm[2..] switch { "384" => HashAlgorithmName.SHA384, "512" => HashAlgorithmName.SHA512, _ => HashAlgorithmName.SHA256 };
        return _key is ECDsa ec ? ec.SignData(bytes, hash)
            : ((RSA)_key).SignData(bytes, hash, algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
    }

    private JsonObject Describe()
    {
        static string Text(byte[]? bytes) => Base64Url.EncodeToString(bytes);
        if (_key is not ECDsa ec)
        {
            var rsa = ((RSA)_key).ExportParameters(includePrivateParameters: false);
            return new JsonObject { ["kty"] = "RSA", ["n"] = Text(rsa.Modulus), ["e"] = Text(rsa.Exponent) };
        }

        var point = ec.ExportParameters(includePrivateParameters: false).Q;
        return new JsonObject { ["kty"] = "EC", ["crv"] = _algorithm == "ES384" ? "P-384" : "P-256", ["x"] = Text(point.X), ["y"] = Text(point.Y) };
    }
}
