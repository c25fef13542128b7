using System.Globalization;
using System.Security.Cryptography;
using SseListener.Access;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Which tokens count, and what they allow.</summary>
public sealed class SignedTokens
{
    private static readonly string[] _orders = ["orders/*"];
    private static readonly string _good = Jwt.Claims(_orders, null, TimeSpan.FromMinutes(5));

    [TestCase("orders/1", 200)]
    [TestCase("orders/1/2", 200)]
    [TestCase("orders", 403)]
    [TestCase("ordersx/1", 403)]
    [TestCase("default", 403)]
    public async Task A_token_publishes_to_the_channels_that_it_covers(string channel, int status)
    {
        await using var server = Start();
        using var answer = await server.PublishWithAsync(Jwt.For(publish: _orders), channel);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 403)
            await PublishTokens.ExpectAsync(answer, 403, "insufficient_scope");
    }

    [TestCase("""{"sse":{"publish":["*"]}}""", 200)]
    [TestCase("""{"sse":{"publish":["orders/1"]}}""", 200)]
    [TestCase("""{"sse":{"publish":["orders*","*/1","order*"]}}""", 403)]
    [TestCase("""{"sse":{"publish":[],"subscribe":["*"]}}""", 403)]
    [TestCase("""{"sse":{}}""", 403)]
    [TestCase("""{}""", 403)]
    [TestCase("""{"publish":["*"]}""", 403)]
    [TestCase("""{"sse":"*"}""", 401)]
    [TestCase("""{"sse":null}""", 401)]
    [TestCase("""{"sse":{"publish":"*"}}""", 401)]
    [TestCase("""{"sse":{"publish":[1]}}""", 401)]
    [TestCase("""{"sse":{"publish":{"*":true}}}""", 401)]
    [TestCase("""[]""", 401)]
    [TestCase("""no json""", 401)]
    public async Task What_it_allows_is_in_its_claim_sse(string claims, int status)
    {
        await using var server = Start();
        using var answer = await server.PublishWithAsync(Jwt.Hs256(claims), "orders/1");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase(-1, null, 401)]
    [TestCase(-3600, null, 401)]
    [TestCase(60, null, 200)]
    [TestCase(60, -60, 200)]
    [TestCase(60, 60, 401)]
    [TestCase(null, null, 200)]
    public async Task It_counts_from_nbf_to_exp(int? exp, int? nbf, int status)
    {
        await using var server = Start();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var times = (exp is null ? "" : $",\"exp\":{now + exp}") + (nbf is null ? "" : $",\"nbf\":{now + nbf}");
        using var answer = await server.PublishWithAsync(Jwt.Hs256($$$"""{"sse":{"publish":["*"]}{{{times}}}}"""), "default");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    // RFC 7519, section 2, "NumericDate". Just behind the time, which must not count as the whole second that follows.
    [TestCase("nbf", 200)]
    [TestCase("exp", 401)]
    [TestCase("iat", 200)]
    public async Task A_time_may_have_a_fraction(string claim, int status)
    {
        await using var server = Start();
        await Wait.UntilAsync(() => DateTime.UtcNow.Millisecond is > 500 and < 800, "the second half of no second comes");
        var time = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
        using var answer = await server.PublishWithAsync(Jwt.Hs256($$$"""{"sse":{"publish":["*"]},"{{{claim}}}":{{{time}}}}"""), "default");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("1e400")]
    [TestCase("99999999999999999999")]
    [TestCase("-1")]
    [TestCase("\"soon\"")]
    [TestCase("null")]
    [TestCase("{}")]
    public async Task A_time_that_is_none_is_refused_and_does_no_harm(string exp)
    {
        await using var server = Start();
        using var answer = await server.PublishWithAsync(Jwt.Hs256($$$"""{"sse":{"publish":["*"]},"exp":{{{exp}}}}"""), "default");
        Assert.That((int)answer.StatusCode, Is.EqualTo(401));
        using var good = await server.PublishWithAsync(Jwt.Hs256(_good), "orders/1");
        Assert.That((int)good.StatusCode, Is.EqualTo(200));
    }

    [Test]
    public async Task What_was_not_signed_with_the_key_is_refused()
    {
        await using var server = Start();
        var parts = Jwt.Hs256(_good).Split('.');
        string[] bad =
        [
            Jwt.Hs256(_good, secret: "another secret of thirty-two bytes!"),
            Jwt.Hs256(_good, header: """{"alg":"none"}"""),
            $"{Jwt.Encode("""{"alg":"none"}""")}.{parts[1]}.",
            $"{Jwt.Encode("""{"alg":"NONE"}""")}.{parts[1]}.{parts[2]}",
            $"{parts[0]}.{Jwt.Encode(Jwt.Claims(["*"], null, TimeSpan.FromHours(1)))}.{parts[2]}",
            $"{parts[0]}.{parts[1]}.",
            $"{parts[0]}.{parts[1]}",
            $"{parts[0]}.{parts[1]}.{parts[2][..^4]}AAAA",
            $"{parts[0]}.{parts[1]}.{parts[2]}.{parts[2]}",
            $"{parts[0]}.{parts[1]}.{parts[2]}.{parts[2]}.{parts[2]}",
            Jwt.Sign("""{"alg":"HS512"}""", _good, bytes => HMACSHA512.HashData(System.Text.Encoding.UTF8.GetBytes(Jwt.Secret), bytes)),
            Jwt.Hs256(_good, header: """{"alg":"HS256","crit":["b64"],"b64":false}"""),
            Jwt.Hs256(_good, header: """{}"""),
            Jwt.Hs256(_good, header: """no json"""),
            "...",
            ".",
            "a.b.c",
            new string('a', 20_000),
            "null",
        ];
        foreach (var token in bad)
        {
            using var answer = await server.PublishWithAsync(token, "orders/1");
            await PublishTokens.ExpectAsync(answer, 401, "invalid_token");
        }

        Assert.That(server.Logged, Does.Not.Contain(parts[2]));
    }

    [TestCase("\"publish\":[\"\\ud800\"]}}")]
    [TestCase("\"publish\":[\"*\"]}}x")]
    [TestCase("\"publish\":[\"*\"]}}{}")]
    public async Task Claims_that_are_not_one_JSON_text_are_refused(string rest)
    {
        await using var server = Start();
        using var answer = await server.PublishWithAsync(Jwt.Hs256("{\"sse\":{" + rest), "default");
        await PublishTokens.ExpectAsync(answer, 401, "invalid_token");
    }

    [Test]
    public async Task The_log_says_why_and_nothing_of_the_key()
    {
        await using var server = Start();
        var reasons = new Dictionary<string, string>
        {
            [Jwt.For(publish: _orders, life: TimeSpan.FromMinutes(-1))] = "it has expired",
            [Jwt.Hs256(_good, secret: "another secret of thirty-two bytes!")] = "its signature is not good",
            [Jwt.Hs256(_good, header: """{"alg":"none"}""")] = "it is not signed by HS256",
            ["a.b.c"] = "it is malformed",
            [Jwt.Hs256("""{"exp":"1"}""")] = "its exp or nbf is no number",
        };
        foreach (var (token, reason) in reasons)
        {
            using var answer = await server.PublishWithAsync(token, "orders/1");
            await server.LogsAsync("401: the token is not good: " + reason);
        }

        Assert.That(server.Logged, Does.Contain("tokens are verified by HS256").And.Not.Contain("IDX"));
    }

    [TestCase("RS256", 200)]
    [TestCase("RS512", 401)]
    [TestCase("PS256", 401)]
    public async Task A_public_RSA_key_verifies_RS256_and_nothing_else(string algorithm, int status)
    {
        using var rsa = RSA.Create(2048);
        await using var server = Start(rsa.ExportSubjectPublicKeyInfoPem());
        var token = Jwt.Sign($$"""{"alg":"{{algorithm}}"}""", _good, bytes => algorithm switch
        {
            "RS512" => rsa.SignData(bytes, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
            "PS256" => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
            _ => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        });
        using var answer = await server.PublishWithAsync(token, "orders/1");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task A_public_EC_key_verifies_ES256()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await using var server = Start(ec.ExportSubjectPublicKeyInfoPem());
        using var answer = await server.PublishWithAsync(Jwt.Sign("""{"alg":"ES256"}""", _good, bytes => ec.SignData(bytes, HashAlgorithmName.SHA256)), "orders/1");
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
    }

    [Test]
    public async Task A_public_key_is_no_secret_to_sign_with()
    {
        using var rsa = RSA.Create(2048);
        var pem = rsa.ExportSubjectPublicKeyInfoPem();
        await using var server = Start(pem);
        foreach (var secret in (string[])[pem, pem + "\n", pem.Trim(), Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo())])
        {
            using var answer = await server.PublishWithAsync(Jwt.Hs256(_good, secret), "orders/1");
            await PublishTokens.ExpectAsync(answer, 401, "invalid_token");
        }
    }

    [TestCase("""{"iss":"us","aud":"hub"}""", 200)]
    [TestCase("""{"iss":"us","aud":["other","hub"]}""", 200)]
    [TestCase("""{"iss":"them","aud":"hub"}""", 401)]
    [TestCase("""{"iss":"us","aud":"other"}""", 401)]
    [TestCase("""{"iss":"us"}""", 401)]
    [TestCase("""{"aud":"hub"}""", 401)]
    public async Task Issuer_and_audience_count_when_they_are_set(string claims, int status)
    {
        await using var server = TestServer.Start(o => o with { JwtKey = Key(Jwt.Secret), JwtIssuer = ["us"], JwtAudience = "hub" });
        using var answer = await server.PublishWithAsync(Jwt.Hs256(claims[..^1] + ""","sse":{"publish":["*"]}}"""), "default");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task The_publish_token_and_tokens_of_the_key_both_publish()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = Key(Jwt.Secret), PublishToken = "plain" });
        using var plain = await server.PublishWithAsync("plain", "default");
        using var web = await server.PublishWithAsync(Jwt.For(publish: ["*"]), "default");
        Assert.That(((int)plain.StatusCode, (int)web.StatusCode), Is.EqualTo((200, 200)));
    }

    internal static IReadOnlyList<TokenKey> Key(string text)
    {
        Assert.That(TokenKey.TryRead(text, out var keys, out _), Is.True);
        return keys!;
    }

    private static TestServer Start(string key = Jwt.Secret) => TestServer.Start(o => o with { JwtKey = Key(key) });
}
