using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>token</c> and <c>token check</c>: tokens for those who have no program of their own that signs them yet.</summary>
public sealed class SigningTokens
{
    private const string Tens = "0123456789012345678901234567890123456789012345678901234567890123";
    private const string LongName = $"{Tens}{Tens}x";
    private const string Key = $"--jwt-key \"{Jwt.Secret}\"";

    [Test]
    public async Task A_token_allows_what_it_was_signed_for_and_nothing_else()
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"] });
        var token = await PrintAsync($"--subscribe user/7 --publish orders/* --publish news --user ann --ttl 90s {Key}");
        await using var ann = await server.SubscribeAsync("?channel=user/7&token=" + token);
        using var other = await server.SendAsync("GET", "/events?channel=user/8", ("Authorization", "Bearer " + token));
        using var orders = await server.SendAsync("POST", "/events?channel=orders/42", ("Authorization", "Bearer " + token));
        using var news = await server.SendAsync("POST", "/events?channel=news", ("Authorization", "Bearer " + token));
        using var user = await server.SendAsync("POST", "/events?channel=user/7", ("Authorization", "Bearer " + token));
        Assert.That(((int)other.StatusCode, (int)orders.StatusCode, (int)news.StatusCode, (int)user.StatusCode), Is.EqualTo((403, 200, 200, 403)));
        var checkedLines = (await CheckAsync($"{token} {Key}", 0)).Split('\n');
        Assert.That(checkedLines[0], Does.Match("^good until ....-..-.. ..:..:..Z, of ann$"));
        Assert.That(checkedLines[1..], Is.EqualTo((string[])["may publish to: orders/*, news", "may listen to: user/7"]));
    }

    [Test]
    public async Task It_has_the_issuer_the_audience_and_the_claim_that_the_server_asks_for()
    {
        const string Settings = "--jwt-issuer us --jwt-audience hub --jwt-claim rights";
        var token = await PrintAsync($"--subscribe user/7 {Settings} {Key}");
        Assert.That(await CheckAsync($"{token} {Settings} {Key}", 0), Does.EndWith("may listen to: user/7"));
        Assert.That(await CheckAsync($"{token} --jwt-issuer them {Key}", 1), Is.EqualTo("the token is not good: it is of another issuer"));
        Assert.That(await CheckAsync($"{token} --jwt-audience them {Key}", 1), Is.EqualTo("the token is not good: it is for another audience"));
        Assert.That(await CheckAsync($"{token} {Key}", 0), Does.EndWith("may listen to: what is not private"));
    }

    [Test]
    public async Task The_first_of_several_secrets_signs_and_the_environment_has_it()
    {
        using var program = BuiltProgram.Start("token --publish news", environment: ("SSE_JWT_KEY", $"{Jwt.Secret}\nan older secret of at least thirty-two bytes"));
        await program.EndsWellAsync();
        Assert.That(await CheckAsync($"{program.Output} {Key}", 0), Does.StartWith("good until"));
    }

    [TestCase("--publish news", 1, "There is no key to sign with: give it --jwt-key or SSE_JWT_KEY, as the server has it.")]
    [TestCase("--publish news --jwt-key PEM", 1, "--jwt-key is a public key, which only verifies: sign with the private one that belongs to it.")]
    [TestCase("--publish news --jwt-issuer https://example.com", 1, "The keys are somebody else's, who signs with the private ones.")]
    [TestCase(Key, 2, "The token would allow nothing: give it --publish or --subscribe, or both.")]
    [TestCase($"--publish news* {Key}", 2, "'news*' is neither a channel's name nor a pattern such as user/*, nor * for all.")]
    [TestCase($"--publish news --ttl soon {Key}", 2, "--ttl is a duration of up to 576h, such as 300ms, 15s or 2m, not 'soon'.")]
    [TestCase($"--publish news --user {LongName} {Key}", 2, "--user is a name of up to 128 bytes.")]
    [TestCase("--publish news --jwt-key short", 2, "--jwt-key is a secret of at least 32 bytes, where this one has 5, or the name of a file, of which there is none.")]
    public async Task It_says_why_it_does_not_sign(string arguments, int exitCode, string problem)
    {
        using var folder = new TempFolder();
        using var signer = new Signer("RS256", id: null);
        var file = Path.Combine(folder.Path, "public.pem");
        await File.WriteAllTextAsync(file, signer.Pem);
        using var program = BuiltProgram.Start("token " + arguments.Replace("PEM", file, StringComparison.Ordinal));
        Assert.That(await program.EndAsync(), Is.EqualTo(exitCode));
        Assert.That((program.Output, program.Errors), Is.EqualTo(("", problem)));
    }

    [Test]
    public async Task A_token_of_a_provider_is_checked_with_its_keys()
    {
        using var signer = new Signer("ES256", "1");
        using var provider = new Provider(signer);
        var token = signer.Token(provider.Issuer);
        Assert.That(await CheckAsync($"{token} --jwt-issuer {provider.Issuer}", 0), Does.StartWith("good until"));
        provider.Close();
        Assert.That(await CheckAsync($"{token} --jwt-issuer {provider.Issuer}", 1), Does.Contain("cannot be read").And.Contain("at present"));
        Assert.That(await CheckAsync($"{token} --jwt-issuer us", 2), Does.StartWith("--jwt-issuer us has no keys"));
        Assert.That(await CheckAsync(token, 2), Does.StartWith("There is no key"));
    }

    private static async Task<string> PrintAsync(string arguments)
    {
        using var program = BuiltProgram.Start("token " + arguments);
        await program.EndsWellAsync();
        return program.Output;
    }

    private static async Task<string> CheckAsync(string arguments, int exitCode)
    {
        using var program = BuiltProgram.Start("token check " + arguments);
        Assert.That(await program.EndAsync(), Is.EqualTo(exitCode), program.Errors);
        Assert.That(program.Errors, exitCode == 0 ? Is.Empty : Is.Not.Empty);
        return exitCode == 0 ? program.Output : program.Errors;
    }
}
