using System.Net;
using SseListener.Access;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Keys that are asked for: where they are, when they change, and while there is no answer.</summary>
public sealed class AskingForKeys
{
    private static readonly KeyTimes _often = new() { Shortest = TimeSpan.FromMilliseconds(1) };
    private static readonly KeyTimes _once = new() { Shortest = TimeSpan.FromHours(1) };

    [TestCase("keys")]
    [TestCase("issuer")]
    [TestCase("issuer and keys")]
    [TestCase("issuer twice")]
    [TestCase("configuration")]
    public async Task They_are_found_at_their_address_and_through_their_issuer(string way)
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        var configuration = provider.Issuer + "/.well-known/openid-configuration";
        await using var server = TestServer.Start(options => options with
        {
            JwtIssuer = way.StartsWith("issuer", StringComparison.Ordinal) ? [provider.Issuer] : [],
            Jwks = way switch { "issuer" => [], "issuer twice" => [At(provider.Issuer)], "configuration" => [At(configuration)], _ => [At(provider.KeysAddress)] },
        });
        await server.ExpectTokenAsync(signer.Token(provider.Issuer), 200);
        await server.ExpectTokenAsync(signer.Token("https://other.example.com"), way == "keys" ? 200 : 401);
        await server.ExpectTokenAsync(signer.Token(), way == "keys" ? 200 : 401);
    }

    [Test]
    public async Task A_new_key_counts_from_its_first_token_on_and_an_old_one_no_longer()
    {
        using var old = new Signer("ES256", "old");
        using var newer = new Signer("ES256", "new");
        using var provider = new Provider(old);
        await using var server = Start(provider, _often);
        await server.ExpectTokenAsync(old.Token(), 200);
        provider.Rotate(newer);
        await server.ExpectTokenAsync(newer.Token(), 200);
        await server.ExpectTokenAsync(old.Token(), 401);
        await server.LogsAsync($"the keys at {provider.KeysAddress} are new (ES256)");
    }

    [Test]
    public async Task A_key_that_was_taken_back_stops_counting_by_itself()
    {
        using var old = new Signer("ES256", "old");
        using var newer = new Signer("ES256", "new");
        using var provider = new Provider(old);
        await using var server = Start(provider, _often with { Longest = TimeSpan.FromMilliseconds(1) });
        await server.ExpectTokenAsync(old.Token(), 200);
        provider.Rotate(newer);
        await server.LogsAsync("are new (ES256)");
        await server.ExpectTokenAsync(old.Token(), 401);
    }

    [Test]
    public async Task Tokens_that_name_keys_of_their_own_wait_for_the_next_time_that_the_server_asks()
    {
        using var signer = new Signer("ES256", "first");
        using var provider = new Provider(signer);
        var server = Start(provider, _once);
        await using (server)
        {
            await server.ExpectTokenAsync(signer.Token(), 200);
            var waiting = Enumerable.Range(0, 50).Select(i => server.IsAdmittedAsync("?channel=secret&token=" + signer.Token(id: $"made up {i}"))).ToList();
            await Wait.UntilAsync(() => server.Logged.Split("GET /events from").Length > waiting.Count, "not all are there");
            await server.ExpectTokenAsync(signer.Token(), 200);
            Assert.That((provider.Asked, waiting.Exists(wait => wait.IsCompleted)), Is.EqualTo((1, false)));

            // A stop does not wait for them, and they come back.
            await server.Server.StopAsync();
            foreach (var wait in waiting)
                Assert.That(await wait.ContinueWith(ended => ended.IsCompletedSuccessfully && ended.Result, TaskScheduler.Default), Is.False);
        }
    }

    [Test]
    public async Task A_token_of_a_key_that_there_is_not_is_refused_once_the_server_has_asked()
    {
        using var signer = new Signer("ES256", "first");
        using var provider = new Provider(signer);
        await using var server = Start(provider, _often);
        await server.ExpectTokenAsync(signer.Token(), 200);
        await server.ExpectTokenAsync(signer.Token(id: "made up"), 401);
        await server.ExpectTokenAsync(signer.Token(id: "made up"), 401);
        await server.LogsAsync("401: the token is not good: it names a key that is not known");
    }

    [Test]
    public async Task A_key_that_comes_while_the_server_is_asking_counts_too()
    {
        using var signer = new Signer("ES256", "first");
        using var newer = new Signer("ES256", "second");
        using var provider = new Provider(signer);
        await using var server = Start(provider, _often with { Patience = TimeSpan.FromMinutes(1) });
        await server.ExpectTokenAsync(signer.Token(), 200);
        var (held, asked) = (provider.HoldBack(), provider.Asked);
        var stranger = server.PublishWithAsync(signer.Token(id: "made up"));
        await Wait.UntilAsync(() => provider.Asked > asked, "it has not asked");
        var late = server.PublishWithAsync(newer.Token());
        await Wait.UntilAsync(() => server.Logged.Split("POST /events from").Length == 4, "it is not there");

        // Who has asked before gets what there was before.
        provider.Rotate(signer, newer);
        held.SetResult();
        using var answer = await late;
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        (await stranger).Dispose();
    }

    [Test]
    public async Task While_there_is_no_answer_those_that_are_known_count_and_nobody_else_is_told_a_lie()
    {
        using var signer = new Signer("RS256", "first");
        using var newer = new Signer("RS256", "second");
        using var provider = new Provider(signer);
        await using var server = Start(provider, _often);
        await server.ExpectTokenAsync(signer.Token(), 200);
        provider.Close();
        provider.Rotate(newer);
        await server.ExpectTokenAsync(newer.Token(), 503);
        await server.ExpectTokenAsync(signer.Token(), 200);
        Assert.That(await server.IsAdmittedAsync("?channel=secret&token=" + newer.Token()), Is.False);
        Assert.That(await server.IsAdmittedAsync("?channel=secret&token=" + signer.Token()), Is.True);

        // Whoever does not have the key is no guest of a server that is away.
        await server.ExpectTokenAsync(newer.Token(id: "first"), 401);
        await server.LogsAsync($"the keys at {provider.KeysAddress} cannot be read, those that are known still count");
        provider.Open();
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=secret&token=" + newer.Token()), "the new key does not count");
    }

    [Test]
    public async Task Before_there_is_any_answer_tokens_are_put_off_and_open_channels_are_open()
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        provider.Close();
        await using var server = Start(provider, _often);
        using var answer = await server.PublishWithAsync(signer.Token());
        await Problem.ExpectAsync(answer, 503, "cannot read the key that this token names at present");
        Assert.That(answer.Headers.RetryAfter?.ToString(), Is.EqualTo("1"));
        Assert.That(await server.IsAdmittedAsync("?channel=secret&token=" + signer.Token()), Is.False);
        Assert.That(await server.IsAdmittedAsync(), Is.True);
        using var missing = await server.SendAsync("GET", "/events?channel=secret");
        Assert.That(missing.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        provider.Open();
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=secret&token=" + signer.Token()), "the key does not count");
    }

    [Test]
    public async Task A_stream_does_not_begin_without_what_its_cookie_may_be_good_for()
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        provider.Close();
        await using var server = Start(provider, _often);
        var cookie = ("Cookie", "sse_token=" + signer.Token());
        Assert.That(await server.IsAdmittedAsync("?channel=room/*", cookie), Is.False);
        using var history = await server.SendAsync("GET", "/events?channel=room/*", cookie, ("Accept", "application/json"));
        await Problem.ExpectAsync(history, 503, "cannot read the key that this token names at present");
        Assert.That(await server.IsAdmittedAsync("?channel=news/*", cookie), Is.True);
        Assert.That(await server.IsAdmittedAsync("?channel=room/*"), Is.True);
        provider.Open();
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=room/*", cookie), "the key does not count");
    }

    [Test]
    public async Task An_answer_that_takes_long_holds_up_only_tokens_of_keys_that_are_not_known()
    {
        using var signer = new Signer("RS256", "first");
        using var newer = new Signer("RS256", "second");
        using var provider = new Provider(signer);
        await using var server = Start(provider, _often with { Patience = TimeSpan.FromMinutes(1) });
        await server.ExpectTokenAsync(signer.Token(), 200);
        var held = provider.HoldBack();
        provider.Rotate(signer, newer);
        var waiting = Enumerable.Range(0, 20).Select(_ => server.PublishWithAsync(newer.Token())).ToList();
        await Wait.UntilAsync(() => provider.Asked > 1, "it has not asked");
        await server.ExpectTokenAsync(signer.Token(), 200);
        await Wait.UntilAsync(() => server.Logged.Split("POST /events from").Length - 1 == waiting.Count + 2, "not all are there");
        Assert.That(waiting.Exists(publish => publish.IsCompleted), Is.False);
        Assert.That(provider.Asked, Is.EqualTo(2));
        held.SetResult();
        foreach (var publish in waiting)
        {
            using var answer = await publish;
            Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        }
    }

    [Test]
    public async Task An_answer_that_does_not_come_is_not_waited_for()
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        var held = provider.HoldBack();
        await using var server = Start(provider, _often with { Patience = TimeSpan.FromMilliseconds(50) });
        await server.ExpectTokenAsync(signer.Token(), 503);
        await server.LogsAsync("cannot be read, until then no token of theirs counts: there is no answer in time");
        held.SetResult();
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=secret&token=" + signer.Token()), "the key does not count");
    }

    [TestCase("")]
    [TestCase("<html>")]
    [TestCase("[]")]
    [TestCase("""{"keys":[]}""")]
    [TestCase("""{"keys":{}}""")]
    [TestCase("""{"keys":[{"kty":"oct","k":"YWJj"},{"kty":"RSA","n":"AAAA","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},null,5]}""")]
    [TestCase("""{"jwks_uri":"http://example.com/keys","issuer":"x"}""")]
    [TestCase("""{"jwks_uri":5,"issuer":5}""")]
    [TestCase("""{"jwks_uri":"https://example.com/keys"}""")]
    [TestCase("large")]
    [TestCase("many")]
    [TestCase("302")]
    [TestCase("500")]
    public async Task An_answer_that_is_none_changes_nothing(string answer)
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        await using var server = Start(provider, _often with { Longest = TimeSpan.FromMilliseconds(1) });
        await server.ExpectTokenAsync(signer.Token(), 200);
        provider.Keys = answer switch
        {
            "large" => new string(' ', 600 * 1024) + provider.Keys,
            "many" => $$"""{"keys":[{{string.Join(',', Enumerable.Repeat(signer.PublicKey.ToJsonString(), 101))}}]}""",
            "302" or "500" => provider.Keys,
            _ => answer,
        };
        provider.Status = answer switch { "302" => HttpStatusCode.Redirect, "500" => HttpStatusCode.InternalServerError, _ => HttpStatusCode.OK };
        await server.LogsAsync("cannot be read, those that are known still count: ");
        await server.ExpectTokenAsync(signer.Token(), 200);
    }

    [Test]
    public async Task A_provider_that_speaks_for_another_is_not_believed()
    {
        using var signer = new Signer("RS256", "first");
        using var provider = new Provider(signer);
        provider.Configuration = provider.Configuration.Replace(provider.Issuer + "\"", provider.Issuer + "/\"", StringComparison.Ordinal);
        await using var server = TestServer.Start(options => options with { JwtIssuer = [provider.Issuer], KeyTimes = _often });
        await server.LogsAsync($"the issuer there is {provider.Issuer}/, and --jwt-issuer is {provider.Issuer}");
        await server.ExpectTokenAsync(signer.Token(provider.Issuer), 503);
        Assert.That(provider.Asked, Is.Zero);
    }

    private static TestServer Start(Provider provider, KeyTimes times) => TestServer.Start(options => options with
    {
        Jwks = [At(provider.KeysAddress)],
        Private = ["secret", "room/secret"],
        KeyTimes = times,
    });

    private static KeySet At(string address) => new([], new Uri(address));
}
