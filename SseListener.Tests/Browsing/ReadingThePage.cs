using Microsoft.Playwright;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>The page for everybody: any width, either colour scheme, a keyboard, a screen reader.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ReadingThePage
{
    // Of every text that is shown, how it stands out from what is behind it (WCAG 2.2, 1.4.3), and where it does not by 4.5 to 1.
    private const string FaintTexts = """
        () => {
          const pixel = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
          const canvas = pixel.getContext('2d', { willReadFrequently: true });
          const rgba = color => {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data];
          };
          const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          const light = color => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => sum + share * linear(rgba(color)[i] / 255), 0);
          const behind = element => {
            while (element && rgba(getComputedStyle(element).backgroundColor)[3] === 0) element = element.parentElement;
            return element ? getComputedStyle(element).backgroundColor : 'white';
          };
          const texts = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.unseen, .skip, svg') && !e.disabled
            && (e.matches('input, select, textarea') || [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim())));
          return texts.map(e => {
            const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 80)];
          }).filter(([ratio]) => ratio < 4.5).map(([ratio, html]) => `${ratio.toFixed(2)} ${html}`);
        }
        """;

    [TestCase(360, 780, ColorScheme.Light)]
    [TestCase(390, 844, ColorScheme.Light)]
    [TestCase(390, 844, ColorScheme.Dark)]
    [TestCase(1280, 800, ColorScheme.Light)]
    [TestCase(1280, 800, ColorScheme.Dark)]
    public async Task All_of_it_fits_and_stands_out(int width, int height, ColorScheme scheme)
    {
        await using var server = TestServer.StartWithPages(options => options with { PublishToken = "wanted" });
        var screen = new BrowserNewContextOptions { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme };
        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=default&channel=orders/*", screen, "status of 401");
        await page.Button("Publish").ClickAsync();
        await Expect(page.Text("access")).ToBeVisibleAsync();
        await page.Field("Token").FillAsync("wanted");
        await page.Button("Use token").ClickAsync();
        await page.Field("Data").FillAsync($$"""{"long":["{{new string('x', 300)}}",1.5,true]}""");
        foreach (var type in (string[])["alert", "gap", "join"])
        {
            await page.Tab.Locator("#publish").GetByLabel("Type").FillAsync(type);
            await page.Button("Publish").ClickAsync();
            await Expect(page.Rows.First.Locator(".type")).ToHaveTextAsync(type);
        }

        await page.OpenFirstAsync();
        await page.Tab.GetByText("The same in a script").ClickAsync();
        await page.Field("Data").FillAsync("{");
        await page.Button("Publish").ClickAsync();
        await page.Button("Pause").ClickAsync();
        await Expect(page.Text("waiting")).ToBeVisibleAsync();
        Assert.That(await page.Tab.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth"), Is.LessThanOrEqualTo(0));
        Assert.That(await page.Tab.EvaluateAsync<string[]>(FaintTexts), Is.Empty);

        await page.Tab.EvaluateAsync("scrollTo(0, 0)");
        var picture = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"page-{width}-{scheme}.png");
        await page.Tab.ScreenshotAsync(new() { Path = picture });
        TestContext.AddTestAttachment(picture);
    }

    [Test]
    public async Task Every_control_has_a_name_and_every_section_a_heading()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        Assert.That(
            await page.Tab.EvaluateAsync<string[]>("""
                [...document.querySelectorAll('input, select, textarea')].filter(e => !e.labels.length).map(e => e.outerHTML)
                """),
            Is.Empty);
        Assert.That(
            await page.Tab.EvaluateAsync<string[]>("""
                ['aria-labelledby', 'aria-describedby'].flatMap(name => [...document.querySelectorAll(`[${name}]`)]
                  .flatMap(e => e.getAttribute(name).split(' '))).filter(id => !document.getElementById(id))
                """),
            Is.Empty);
        var levels = await page.Tab.EvaluateAsync<int[]>("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))");
        Assert.That(levels[0], Is.EqualTo(1));
        Assert.That(levels.Zip(levels.Skip(1), (before, after) => after - before), Is.All.LessThanOrEqualTo(1));
        foreach (var landmark in (AriaRole[])[AriaRole.Banner, AriaRole.Main])
            await Expect(page.Tab.GetByRole(landmark)).ToHaveCountAsync(1);

        foreach (var region in (string[])["Activity", "Events", "Listen", "Publish", "Who is here"])
            await Expect(page.Tab.GetByRole(AriaRole.Region, new() { Name = region, Exact = true })).ToHaveCountAsync(1);
    }

    [Test]
    public async Task The_keyboard_gets_everywhere_in_the_order_of_what_is_seen()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events", "application/x-ndjson", WatchingEvents.Batch(0, 20));
        await page.ExpectDataAsync("19");
        var stops = new List<string>();
        while (stops.LastOrDefault() != "curl")
        {
            await page.Tab.Keyboard.PressAsync("Tab");
            stops.Add(await page.Tab.EvaluateAsync<string>("(({ id, className, tagName }) => id || className || tagName)(document.activeElement)"));
            Assert.That(stops, Has.Count.LessThan(40));
        }

        Assert.That(string.Join(' ', stops), Is.EqualTo(
            "skip toggle filter-type filter-text pause clear events channels BUTTON rewind SUMMARY SUMMARY "
            + "channel type format-json event-id data main ends curl-copy curl"));
        await page.Text("events").FocusAsync();
        await page.Tab.Keyboard.PressAsync("ArrowDown");
        await page.Tab.Keyboard.PressAsync("ArrowDown");
        await page.Tab.Keyboard.PressAsync("Enter");
        await Expect(page.Rows.Nth(1).Locator("pre")).ToHaveTextAsync("18");
        await page.Tab.Keyboard.PressAsync("Tab");
        await page.Tab.Keyboard.PressAsync("Enter");
        await Expect(page.Rows.Nth(1).Locator(".copy")).ToHaveTextAsync("Copied");
        Assert.That(await page.ClipboardAsync(), Does.StartWith("event: tick\ndata: 18\n"));
    }

    [Test]
    public async Task Whoever_hears_the_page_is_told_of_the_connection_at_once_and_of_events_now_and_then()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Tab.EvaluateAsync("""
            () => {
              window.said = [];
              const summary = document.querySelector('#summary');
              const all = { childList: true, characterData: true, subtree: true };
              new MutationObserver(() => said.push(summary.textContent)).observe(summary, all);
            }
            """);
        for (var n = 0; n < 30; n++)
            await server.PublishAsync($$"""{"data":{{n}}}""");

        await page.ExpectDataAsync("29");
        await Expect(page.Text("summary")).ToHaveTextAsync("31 new events");
        await page.Button("Disconnect").ClickAsync();
        await Expect(page.Text("summary")).ToHaveTextAsync("Not connected");
        Assert.That(await page.Tab.EvaluateAsync<string>("said.join(', ')"), Is.EqualTo("31 new events, Not connected"));
        Assert.That(
            await page.Tab.EvaluateAsync<string>("""
                [...document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live]')].map(e => e.id).join(' ')
                """),
            Is.EqualTo("summary result"));
    }

    [Test]
    public async Task Nothing_moves_for_those_who_want_that()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, options: new() { ReducedMotion = ReducedMotion.Reduce });
        await page.Tab.EvaluateAsync("document.querySelector('#state').dataset.state = 'connecting'");
        Assert.That(await page.Tab.EvaluateAsync<int>("document.getAnimations().length"), Is.Zero);
        await page.Tab.EmulateMediaAsync(new() { ReducedMotion = ReducedMotion.NoPreference });
        Assert.That(await page.Tab.EvaluateAsync<int>("document.getAnimations().length"), Is.EqualTo(1));
    }
}
