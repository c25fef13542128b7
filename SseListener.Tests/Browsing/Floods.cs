using System.Diagnostics;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>More events than anyone can read.</summary>
[NonParallelizable]
public sealed class Floods
{
    [Test]
    public async Task At_5_000_events_a_second_the_page_answers_clicks_and_loses_nothing()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var flood = FloodAsync(server, perSecond: 5000, seconds: 3);
        while (!flood.IsCompleted)
        {
            await page.Button("Pause").ClickAsync();
            await Expect(page.Text("waiting")).ToBeVisibleAsync();
            await page.Button("Resume").ClickAsync();
            await Expect(page.Text("waiting")).ToBeHiddenAsync();
        }

        await flood;
        await Expect(page.Text("count")).ToHaveTextAsync("15,001 received, 500 shown");
        await page.ExpectDataAsync("14999", "14998", "14997");
        await Expect(page.Data.Last).ToHaveTextAsync("14500");
        await Expect(page.Rows).ToHaveCountAsync(500);
    }

    // Every 50 ms what is due by then, however late the clock or the answers are.
    private static async Task FloodAsync(TestServer server, int perSecond, int seconds)
    {
        var started = Stopwatch.GetTimestamp();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        for (var sent = 0; sent < perSecond * seconds && await pace.WaitForNextTickAsync();)
        {
            var due = Math.Min(perSecond * seconds, (int)(Stopwatch.GetElapsedTime(started).TotalSeconds * perSecond));
            using var answer = await server.PostAsync("/events", "application/x-ndjson", WatchingEvents.Batch(sent, due - sent));
            answer.EnsureSuccessStatusCode();
            sent = due;
        }
    }
}
