using System.Text.Json.Nodes;
using SseListener.Access;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Which keys count for which tokens, where there are several of them, or several issuers.</summary>
public sealed class KindsOfKeys
{
    // As a key of RSA does not say what it is for, it is for both.
    [TestCase("RS256", true, "RS256", 200)]
    [TestCase("RS256", true, "PS256", 401)]
    [TestCase("PS256", true, "PS256", 200)]
    [TestCase("PS256", true, "RS256", 401)]
    [TestCase("RS256", false, "RS256", 200)]
    [TestCase("RS256", false, "PS256", 200)]
    [TestCase("RS256", false, "RS512", 401)]
    [TestCase("RS512", true, "RS512", 401)]
    [TestCase("ES256", true, "ES256", 200)]
    [TestCase("ES256", false, "ES256", 200)]
    [TestCase("ES256", false, "ES384", 401)]
    [TestCase("ES384", true, "ES384", 200)]
    [TestCase("ES384", false, "ES384", 200)]
    public async Task A_key_of_a_set_is_for_its_own_algorithm(string kind, bool tells, string algorithm, int status)
    {
        using var signer = new Signer(kind, "a", tells);
        using var other = new Signer("ES256", "b");
        using var provider = new Provider(signer, other);
        await using var server = Start(provider);
        await server.ExpectTokenAsync(signer.Token(algorithm: algorithm), status);
        await server.ExpectTokenAsync(other.Token(), 200);
    }

    [Test]
    public async Task A_public_key_is_no_secret_and_a_signature_has_to_be_there()
    {
        using var signer = new Signer("RS256", "a");
        using var provider = new Provider(signer);
        await using var server = Start(provider);
        var claims = Jwt.Claims(["*"], ["*"], TimeSpan.FromMinutes(5));
        foreach (var secret in (string[])[signer.Pem, signer.PublicKey["n"]!.GetValue<string>(), provider.Keys])
            await server.ExpectTokenAsync(Jwt.Hs256(claims, secret, """{"alg":"HS256","kid":"a"}"""), 401);

        await server.ExpectTokenAsync($"{Jwt.Encode("""{"alg":"none","kid":"a"}""")}.{Jwt.Encode(claims)}.", 401);
        await server.ExpectTokenAsync(signer.Sign(claims), 200);
    }

    [TestCase("sig", null, 200)]
    [TestCase("enc", null, 401)]
    [TestCase(null, "verify", 200)]
    [TestCase(null, "encrypt", 401)]
    public async Task A_key_for_something_else_is_passed_over(string? use, string? operation, int status)
    {
        using var signer = new Signer("RS256", "a", tells: false);
        using var other = new Signer("RS256", "b");
        if (use is not null)
            signer.PublicKey["use"] = use;

        if (operation is not null)
            signer.PublicKey["key_ops"] = new JsonArray(operation);

        using var provider = new Provider(signer, other);
        await using var server = Start(provider);
        await server.ExpectTokenAsync(signer.Token(), status);
    }

    [TestCase("kid", "5")]
    [TestCase("use", "{}")]
    [TestCase("key_ops", "null")]
    [TestCase("n", "5")]
    [TestCase("n", "\"\"")]
    public async Task A_key_that_nobody_understands_does_no_harm_to_the_others(string member, string value)
    {
        using var odd = new Signer("RS256", "a");
        using var signer = new Signer("RS256", "b");
        odd.PublicKey[member] = JsonNode.Parse(value);
        using var provider = new Provider(odd, signer);
        provider.Keys = "\uFEFF" + provider.Keys;
        await using var server = Start(provider);
        await server.ExpectTokenAsync(signer.Token(), 200);
    }

    [Test]
    public async Task A_private_key_that_everybody_has_verifies_nothing()
    {
        using var signer = new Signer("RS256", "a");
        using var other = new Signer("RS256", "b");
        signer.PublicKey["d"] = other.PublicKey["n"]!.DeepClone();
        using var provider = new Provider(signer, other);
        await using var server = Start(provider);
        await server.ExpectTokenAsync(signer.Token(), 401);
        await server.ExpectTokenAsync(other.Token(), 200);
    }

    [Test]
    public async Task Keys_without_names_are_tried_one_after_another()
    {
        using var first = new Signer("RS256", id: null);
        using var second = new Signer("RS256", id: null);
        using var stranger = new Signer("RS256", id: null);
        using var provider = new Provider(first, second);
        await using var server = Start(provider);
        await server.ExpectTokenAsync(first.Token(), 200);
        await server.ExpectTokenAsync(second.Token(id: "whatever"), 200);
        await server.ExpectTokenAsync(stranger.Token(), 401);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Each_issuer_has_its_own_keys(bool areAddresses)
    {
        using var signerA = new Signer("RS256", "1");
        using var signerB = new Signer("RS256", "1");
        using var a = new Provider(signerA);
        using var b = new Provider(signerB);
        await using var server = TestServer.Start(options => options with
        {
            JwtIssuer = [a.Issuer, b.Issuer],
            Jwks = areAddresses ? [new([], new Uri(a.KeysAddress)), new([], new Uri(b.KeysAddress))] : [],
        });
        await server.ExpectTokenAsync(signerA.Token(a.Issuer), 200);
        await server.ExpectTokenAsync(signerB.Token(b.Issuer), 200);
        await server.ExpectTokenAsync(signerA.Token(b.Issuer), 401);
        await server.ExpectTokenAsync(signerB.Token(a.Issuer), 401);
        await server.ExpectTokenAsync(signerA.Token("https://other.example.com"), 401);
        await server.ExpectTokenAsync(signerA.Token(), 401);
        await server.LogsAsync("401: the token is not good: it is of another issuer");
    }

    [Test]
    public async Task A_set_can_stand_in_a_file()
    {
        using var folder = new TempFolder();
        using var signer = new Signer("PS256", "1");
        using var provider = new Provider(signer);
        var file = Path.Combine(folder.Path, "keys");
        await File.WriteAllTextAsync(file, provider.Keys);
        Assert.That(KeySet.TryRead(file, out var set, out _), Is.True);
        await using var server = TestServer.Start(options => options with { Jwks = [set!], JwtIssuer = ["us"] });
        await server.ExpectTokenAsync(signer.Token("us"), 200);
        await server.ExpectTokenAsync(signer.Token("them"), 401);
    }

    [Test]
    public async Task A_key_of_ones_own_counts_beside_those_of_a_provider()
    {
        using var signer = new Signer("RS256", "1");
        using var provider = new Provider(signer);
        await using var server = TestServer.Start(options => options with
        {
            JwtKey = SignedTokens.Key(Jwt.Secret),
            Jwks = [new([], new Uri(provider.Issuer + "/.well-known/openid-configuration"))],
        });
        await server.ExpectTokenAsync(signer.Token(provider.Issuer), 200);
        await server.ExpectTokenAsync(signer.Token("https://other.example.com"), 401);
        await server.ExpectTokenAsync(Jwt.For(publish: ["*"]), 200);
        await server.ExpectTokenAsync(Jwt.Hs256("{}", "another secret of thirty-two bytes!"), 401);
    }

    [Test]
    public async Task A_key_can_be_replaced_without_a_gap()
    {
        const string Newer = "a newer secret of at least thirty-two bytes";
        var claims = Jwt.Claims(["*"], null, TimeSpan.FromMinutes(5));
        await using var server = TestServer.Start(options => options with { JwtKey = [.. SignedTokens.Key(Jwt.Secret), .. SignedTokens.Key(Newer)] });
        await server.ExpectTokenAsync(Jwt.Hs256(claims), 200);
        await server.ExpectTokenAsync(Jwt.Hs256(claims, Newer, """{"alg":"HS256","kid":"2026-11"}"""), 200);
        await server.ExpectTokenAsync(Jwt.Hs256(claims, "a third secret of at least thirty-two bytes"), 401);
    }

    [Test]
    public void Several_keys_stand_in_one_text_one_a_line_or_one_block_behind_the_other()
    {
        using var rsa = new Signer("RS256", id: null);
        using var ec = new Signer("ES384", id: null);
        var secrets = SignedTokens.Key($"{Jwt.Secret}\r\n\nanother secret of thirty-two bytes!\n");
        var blocks = SignedTokens.Key($"from a\n{rsa.Pem}\n\nfrom b\n{ec.Pem}\n");
        Assert.That(secrets.SelectMany(key => key.Algorithms), Is.EqualTo((string[])["HS256", "HS256"]));
        Assert.That(blocks.SelectMany(key => key.Algorithms), Is.EqualTo((string[])["RS256", "ES384"]));
        foreach (var bad in (string[])[$"{Jwt.Secret}\ntoo short", $"{rsa.Pem}\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
            Assert.That(TokenKey.TryRead(bad, out _, out _), Is.False, bad);
    }

    [Test]
    public async Task What_a_token_allows_can_be_in_another_claim()
    {
        const string Claim = "https://example.com/sse";
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), JwtClaim = Claim });
        await server.ExpectTokenAsync(Jwt.Hs256($$$"""{"{{{Claim}}}":{"publish":["*"]}}"""), 200);
        using var refused = await server.PublishWithAsync(Jwt.For(publish: ["*"]));
        await Problem.ExpectAsync(refused, 403, $"its claim {Claim} does not cover all that is asked for");
        using var odd = await server.PublishWithAsync(Jwt.Hs256($$"""{"{{Claim}}":5}"""));
        Assert.That((int)odd.StatusCode, Is.EqualTo(401));
        await server.LogsAsync($"its claim {Claim} is not");
    }

    private static TestServer Start(Provider provider) => TestServer.Start(options => options with
    {
        Jwks = [new([], new Uri(provider.KeysAddress))],
        KeyTimes = new() { Shortest = TimeSpan.FromMilliseconds(1) },
    });
}
