namespace SseListener.Tests.Support;

/// <summary>A subscriber that reads its greeting and then nothing more, with as little room for what is sent as there can be.</summary>
internal sealed class StalledClient : IDisposable
{
    private readonly RawRequest _raw;

    private StalledClient(RawRequest raw) => _raw = raw;

    public static async Task<StalledClient> OpenAsync(int port, string query = "")
    {
        var raw = new RawRequest(port, receiveBuffer: 1024);
        await raw.SendAsync($"GET /events{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        await raw.ReadUntilAsync("retry: ");
        return new StalledClient(raw);
    }

    /// <summary>Goes while what was sent to it is still on its way.</summary>
    public void Reset() => _raw.Reset();

    /// <summary>Reads again, everything up to this text.</summary>
    public Task<string> ReadUntilAsync(string text) => _raw.ReadUntilAsync(text);

    /// <summary>Reads again, to the end.</summary>
    public Task<string> ReadToEndAsync() => _raw.ReadToEndAsync();

    /// <summary>Whether its connection has been reset.</summary>
    public bool IsReset => _raw.IsReset;

    /// <summary>What it has been sent, without the chunks.</summary>
    public string Body => _raw.Body;

    public void Dispose() => _raw.Dispose();
}
