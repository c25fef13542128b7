using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>A page of a server that wants a token.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class UsingTokens
{
    [Test]
    public async Task The_field_is_there_when_the_server_wants_a_token_to_listen()
    {
        await using var server = TestServer.StartWithPages(
            options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"] });
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: ["status of 401", "status of 403"]);
        await Expect(page.Text("access")).ToBeHiddenAsync();

        await page.ListenAsync("user/7");
        await page.ExpectStateAsync("Refused");
        await Expect(page.Lost).ToContainTextAsync("The server wants a token to listen to user/7.");
        await UseAsync(page, "not a token");
        await Expect(page.Lost).ToContainTextAsync("The server wants a token to listen to user/7.");
        await UseAsync(page, Jwt.Hs256(Jwt.Claims(null, ["user/7"], TimeSpan.FromMinutes(1)), "another secret of thirty-two bytes"));
        await Expect(page.Lost).ToContainTextAsync("The token is not good");
        await UseAsync(page, Jwt.For(subscribe: ["user/8"]));
        await Expect(page.Lost).ToContainTextAsync("The token does not let you listen to user/7.");
        await UseAsync(page, Jwt.For(subscribe: ["user/7"]));
        await page.ExpectStateAsync("Live");

        await page.Tab.ReloadAsync();
        await page.ExpectStateAsync("Live");
        await page.Button("Forget token").ClickAsync();
        await Expect(page.Button("Forget token")).ToBeHiddenAsync();
        Assert.That(await page.Tab.Context.CookiesAsync(), Is.Empty);
        await page.Tab.ReloadAsync();
        await page.ExpectStateAsync("Refused");
    }

    [Test]
    public async Task The_field_is_there_when_the_server_wants_a_token_to_publish()
    {
        const string Token = "s3cret of somebody";
        await using var server = TestServer.StartWithPages(options => options with { PublishToken = Token });
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: "status of 401");
        await page.Button("Publish").ClickAsync();
        await Expect(page.Result).ToHaveTextAsync("Refused (401): The server wants a token to publish to default.");
        await Expect(page.Field("Token")).ToBeFocusedAsync();
        await page.Tab.Keyboard.TypeAsync(Token);
        await page.Tab.Keyboard.PressAsync("Enter");
        await Expect(page.Button("Publish")).ToBeFocusedAsync();
        await page.Tab.Keyboard.PressAsync("Enter");
        await Expect(page.Result).ToContainTextAsync("Published as ");
        await Expect(page.Text("curl")).ToContainTextAsync(" -H \"Authorization: Bearer $SSE_TOKEN\" ");

        var stored = await page.Tab.EvaluateAsync<string>("JSON.stringify(localStorage)");
        var everything = await page.Tab.ContentAsync() + page.Tab.Url + stored;
        Assert.That(everything, Does.Not.Contain(Token));
    }

    private static async Task UseAsync(BrowserPage page, string token)
    {
        await page.Field("Token").FillAsync(token);
        await page.Button("Use token").ClickAsync();
        await Expect(page.Field("Token")).ToHaveValueAsync("");
    }
}
