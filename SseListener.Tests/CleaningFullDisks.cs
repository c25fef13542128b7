using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A journal with rules of --keep on a disk that is full: cleaning takes no room for good, and makes some.</summary>
[Platform("Linux")]
public sealed class CleaningFullDisks : IDisposable
{
    private const int Events = 400; // Of some 90 bytes: in a file of 64 KiB there is no room behind twice as many.
    private readonly TempFolder _folder = new();
    private BuiltProgram? _program;
    private HttpClient? _http;

    public void Dispose()
    {
        _program?.Dispose();
        _http?.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task What_could_not_be_written_again_leaves_nothing_behind_and_is_tried_again()
    {
        await StartAsync("--keep orders/*=7d");
        await FillAsync("orders/kept", "orders/gone");
        _program!.Limit("fsize", "20000");
        using (var forgotten = await _http!.DeleteAsync(new Uri("/channels/orders/gone", UriKind.Relative)))
        {
            Assert.That(forgotten.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        }

        await _program.LogsAsync("the journal cannot be written again without what is dropped: ");
        await Wait.UntilAsync(() => Directory.GetFiles(_folder.Path, "*.new").Length == 0, "what was not finished takes room");
        _program.Limit("fsize", "unlimited");
        await UntilCleanedAsync();
    }

    [Test]
    public async Task Cleaning_makes_room_also_while_nothing_can_be_published()
    {
        await StartAsync("--keep orders/*=7d --keep llm/*=8s");
        await FillAsync("llm/1", "orders/kept");
        Assert.That(await PublishAsync("orders/kept", Events + 150), Is.EqualTo(HttpStatusCode.OK));
        _program!.Limit("fsize", "45000");
        Assert.That(await PublishAsync("orders/kept", Events), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        await UntilCleanedAsync();
        Assert.That(await PublishAsync("orders/kept", Events), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }

    // A limit of a file's size is a full disk. Of the runtime's own files it is not to be one.
    private async Task StartAsync(string rules)
    {
        (_program, var port) = await BuiltProgram.ListenAsync($"--data {_folder.Path} --history 64KiB {rules}", line =>
            BuiltProgram.Shell($"trap '' XFSZ; DOTNET_EnableWriteXorExecute=0 exec dotnet \"{BuiltProgram.File}\" {line}"));
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
    }

    // One file with as many events of both, and the beginning of the next.
    private async Task FillAsync(string first, string second)
    {
        foreach (var (channel, count) in new[] { (first, Events), (second, Events), ("orders/kept", 1) })
            Assert.That(await PublishAsync(channel, count), Is.EqualTo(HttpStatusCode.OK));

        Assert.That(_folder.Journals, Has.Length.EqualTo(2));
    }

    private Task UntilCleanedAsync() => Wait.UntilAsync(
        () => new FileInfo(_folder.Journals[0]).Length < 60_000, $"it is as large as before: {_program!.Errors}", 3 * Wait.Limit);

    private async Task<HttpStatusCode> PublishAsync(string channel, int count)
    {
        var lines = string.Join('\n', Enumerable.Range(0, count).Select(number => $$"""{"data":"{{number:d30}}"}"""));
        using var content = new StringContent(lines, null, "application/x-ndjson");
        using var answer = await _http!.PostAsync(new Uri($"/events?channel={channel}", UriKind.Relative), content);
        return answer.StatusCode;
    }
}
