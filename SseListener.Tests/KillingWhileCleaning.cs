using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>SIGKILL while a journal is cleaned by the rules of --keep: what is kept is there after each restart, and nothing twice.</summary>
[Platform("Linux")]
public sealed class KillingWhileCleaning : IDisposable
{
    private const int Rounds = 4;
    private const int Batch = 300;
    private readonly TempFolder _folder = new();
    private readonly List<string> _orders = [];
    private BuiltProgram? _program;
    private HttpClient? _http;
    private int _price;
    private int _cleaned;

    private string Arguments => $"--data {_folder.Path} --history 64KiB --keep prices/*=1 --keep orders/*=7d --log-level debug";

    // Also when the test has failed.
    public void Dispose()
    {
        _program?.Dispose();
        _http?.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task Nothing_that_is_kept_is_lost()
    {
        (_program, var port) = await BuiltProgram.ListenAsync(Arguments);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        for (var round = 0; round < Rounds; round++)
        {
            await PublishUntilKilledAsync();
            _cleaned += _program.Errors.Split("cleaned ").Length - 1;
            _program.Dispose();
            _program = await BuiltProgram.ListenAgainAsync(port, Arguments);
            Assert.That(_program.Errors, Does.Not.Contain("is damaged"));
            await ExpectLatestPriceAsync();
            await ExpectAllOrdersAsync();
        }

        await TestContext.Out.WriteLineAsync($"{_price} prices, {_orders.Count} orders, files cleaned {_cleaned} times");
        Assert.That(_cleaned, Is.Positive);
    }

    private async Task PublishUntilKilledAsync()
    {
        var kill = Task.Delay(RandomNumberGenerator.GetInt32(1000, 2500)).ContinueWith(_ => _program!.Signal("KILL"), TaskScheduler.Default);
        while (await TryPublishAsync("prices/a", string.Concat(Enumerable.Range(_price + 1, Batch).Select(i => $$"""{"data":{{i}}}""" + "\n"))))
        {
            _price += Batch;
            if (await TryPublishOrderAsync())
                _orders.Add(_orders.Count.ToString(CultureInfo.InvariantCulture));
        }

        await kill;
        await _program!.EndAsync();
    }

    private async Task ExpectLatestPriceAsync()
    {
        await using var latest = await EventStream.OpenAsync(_http!, "/events?channel=prices/a", "earliest");
        var found = int.Parse((await latest.NextAsync()).Data, CultureInfo.InvariantCulture);
        Assert.That(found, Is.AnyOf(_price, _price + Batch), "it was answered, or on its way");
        _price = found;
    }

    // The one that was on its way is published again, if need be.
    private async Task ExpectAllOrdersAsync()
    {
        await using var all = await EventStream.OpenAsync(_http!, "/events?channel=orders/a", "earliest");
        Assert.That(await all.NextDataAsync(_orders.Count), Is.EqualTo(_orders));
        Assert.That(await TryPublishOrderAsync());
        _orders.Add(_orders.Count.ToString(CultureInfo.InvariantCulture));
        Assert.That((await all.NextAsync()).Data, Is.EqualTo(_orders[^1]));
    }

    private Task<bool> TryPublishOrderAsync() =>
        TryPublishAsync("orders/a", $$"""{"data":{{_orders.Count}},"id":"order-{{_orders.Count}}"}""");

    private async Task<bool> TryPublishAsync(string channel, string lines)
    {
        try
        {
            using var content = new StringContent(lines, null, "application/x-ndjson");
            using var answer = await _http!.PostAsync(new Uri($"/events?channel={channel}", UriKind.Relative), content);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            return false;
        }
    }
}
