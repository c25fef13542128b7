using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace SseListener.Tests.Support;

/// <summary>
/// The page in a Chromium, with cookies and storage of its own. Whatever the page should never do (an error on its console, a breach
/// of the policy, a request to somebody else) fails the test.
/// </summary>
internal sealed class BrowserPage : IAsyncDisposable
{
    // A browser beside three other tests on a small machine takes its time.
    private const int Limit = 20_000;

    private static readonly SemaphoreSlim _starting = new(1);
    private static IPlaywright? _playwright;
    private static IBrowser? _browser;

    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _wrongs = [];
    private readonly string _origin;
    private readonly string[] _expected;

    private BrowserPage(IBrowserContext context, IPage tab, string origin, string[] expected)
    {
        _context = context;
        _origin = origin;
        _expected = expected;
        Tab = tab;
        tab.Console += (_, message) => Note(message);
        tab.PageError += (_, error) => _wrongs.Enqueue(error);
        tab.Request += (_, request) => Note(request);
    }

    public IPage Tab { get; }

    /// <summary>The rows of events, newest first.</summary>
    public ILocator Rows => Tab.Locator("#events li");

    /// <summary>The rows' data as far as they stand on the line, newest first.</summary>
    public ILocator Data => Rows.Locator(".data");

    /// <summary>The whole data of the rows that are open.</summary>
    public ILocator Whole => Rows.Locator("pre");

    /// <summary>The banner of a lost connection.</summary>
    public ILocator Lost => Tab.Locator("#lost");

    /// <summary>What became of what was published.</summary>
    public ILocator Result => Tab.Locator("#result");

    /// <summary>Opens the page of a server on this port and waits until it listens.</summary>
    /// <param name="port">The server's port.</param>
    /// <param name="path">The page's path and query.</param>
    /// <param name="options">Size, colours and the like.</param>
    /// <param name="expected">Parts of what else would be wrong, and is meant to be in this test: errors that the browser itself writes on
    /// the console, of answers that are none, and "a request to " another site.</param>
    public static async Task<BrowserPage> OpenAsync(int port, string path = "/", BrowserNewContextOptions? options = null, params string[] expected)
    {
        var page = await VisitAsync(port, path, options, expected);
        await page.ExpectStateAsync("Live");
        return page;
    }

    /// <summary>Opens the page, whether it gets to listen or not.</summary>
    public static async Task<BrowserPage> VisitAsync(int port, string path = "/", BrowserNewContextOptions? options = null, params string[] expected)
    {
        var browser = await StartAsync(OtherPrograms.Browser());
        var origin = $"http://localhost:{port}";
        var context = await browser.NewContextAsync(options ?? new());
        await context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"], new() { Origin = origin });
        context.SetDefaultTimeout(Limit);
        var page = new BrowserPage(context, await context.NewPageAsync(), origin, expected);
        await page.Tab.GotoAsync(origin + path);
        return page;
    }

    /// <summary>Ends the browser that all tests share.</summary>
    public static async Task EndAsync()
    {
        await (_browser?.CloseAsync() ?? Task.CompletedTask);
        _playwright?.Dispose();
    }

    public static ILocatorAssertions Expect(ILocator locator) => Assertions.Expect(locator);

    public ILocator Button(string name) => Tab.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public ILocator Field(string label) => Tab.GetByLabel(label, new() { Exact = true });

    public ILocator Text(string id) => Tab.Locator("#" + id);

    public Task ExpectStateAsync(string state) => Expect(Text("state")).ToHaveTextAsync(state);

    /// <summary>What the page says it is called. Its stream may be open a moment before hello says so.</summary>
    public async Task<string> ClientIdAsync()
    {
        await Expect(Text("client-id")).Not.ToHaveTextAsync("–");
        return await Text("client-id").InnerTextAsync();
    }

    /// <summary>Listens to these channels, as somebody who types them would.</summary>
    public async Task ListenAsync(string channels)
    {
        await Field("Channels").FillAsync(channels);
        await Button("Listen").ClickAsync();
    }

    /// <summary>Leaves out hello, joins and leaves, such as that of this page's earlier connection, which comes when it comes.</summary>
    public Task ShowPublishedAsync() => Text("filter-type").SelectOptionAsync("Published only");

    /// <summary>Opens the newest row.</summary>
    public Task OpenFirstAsync() => Rows.First.Locator(".line").ClickAsync();

    /// <summary>Publishes these data with the form, and returns the event's id.</summary>
    public async Task<string> PublishAsync(string data)
    {
        await Field("Data").FillAsync(data);
        await Button("Publish").ClickAsync();
        await Expect(Result).ToContainTextAsync("Published as ");
        return (await Result.InnerTextAsync())["Published as ".Length..].Split(',', '.')[0];
    }

    /// <summary>Waits until these are the first rows' data, newest first.</summary>
    public async Task ExpectDataAsync(params string[] data)
    {
        for (var i = 0; i < data.Length; i++)
            await Expect(Data.Nth(i)).ToHaveTextAsync(data[i]);
    }

    /// <summary>What was copied last.</summary>
    public Task<string> ClipboardAsync() => Tab.EvaluateAsync<string>("navigator.clipboard.readText()");

    public async ValueTask DisposeAsync()
    {
        await _context.CloseAsync();
        Assert.That(_wrongs, Is.Empty);
    }

    private static async Task<IBrowser> StartAsync(string path)
    {
        await _starting.WaitAsync();
        try
        {
            _playwright ??= await Playwright.CreateAsync();
            Assertions.SetDefaultExpectTimeout(Limit);
            string[] arguments = ["--disable-gpu", "--disable-background-networking"];
            return _browser ??= await _playwright.Chromium.LaunchAsync(new()
            {
                ExecutablePath = path,
                // Chromium's sandbox refuses to work for root.
                Args = Environment.IsPrivilegedProcess ? [.. arguments, "--no-sandbox"] : arguments,
            });
        }
        finally
        {
            _starting.Release();
        }
    }

    private void Note(IConsoleMessage message)
    {
        if (message.Type is "error" or "warning")
            Note(message.Text);
    }

    private void Note(IRequest request)
    {
        if (!request.Url.StartsWith(_origin + "/", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
            Note("a request to " + request.Url);
    }

    private void Note(string wrong)
    {
        if (!_expected.Any(expected => wrong.Contains(expected, StringComparison.Ordinal)))
            _wrongs.Enqueue(wrong);
    }
}
