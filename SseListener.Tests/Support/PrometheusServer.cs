using System.Globalization;
using System.Text.Json;

namespace SseListener.Tests.Support;

/// <summary>The real Prometheus, which scrapes servers on this machine and has the rules of <c>SseListener/Deploy</c>.</summary>
internal sealed class PrometheusServer : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly HttpClient _http;
    private readonly BuiltProgram _program;

    private PrometheusServer(string path, int[] servers)
    {
        var (port, file) = (TestServer.FreePort(), Path.Combine(_folder.Path, "prometheus.yml"));
        var targets = string.Join(", ", servers.Select(server => string.Create(CultureInfo.InvariantCulture, $"'127.0.0.1:{server}'")));
        File.WriteAllText(file, $$"""
            global: { scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms }
            rule_files: ['{{Path.Combine(Document.Repository, "SseListener", "Deploy", "prometheus-rules.yml")}}']
            scrape_configs:
              - job_name: sse
                static_configs: [{ targets: [{{targets}}] }]
            """);
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        _http = new HttpClient { BaseAddress = new Uri($"http://{address}/api/v1/"), Timeout = Wait.Limit };
        _program = BuiltProgram.Execute(path, $"--config.file={file} --storage.tsdb.path={_folder.Path}/tsdb --web.listen-address={address}", _folder.Path);
    }

    /// <summary>Starts it, and waits until it answers.</summary>
    public static async Task<PrometheusServer> StartAsync(params int[] servers)
    {
        var prometheus = new PrometheusServer(OtherPrograms.Prometheus(), servers);
        await Wait.UntilAsync(prometheus.AnswersAsync, "Prometheus does not answer").OrDisposeAsync(prometheus);
        return prometheus;
    }

    /// <summary>The values that answer a query, by instance; those that are no number are left out.</summary>
    public async Task<IReadOnlyList<string>> InstancesAsync(string query) =>
        [.. from series in (await GetAsync("query?query=" + Uri.EscapeDataString(query))).GetProperty("result").EnumerateArray()
            where series.GetProperty("value")[1].GetString() != "NaN"
            select series.GetProperty("metric").GetProperty("instance").GetString()];

    /// <summary>Its rules, each with its health and with what is wrong.</summary>
    public async Task<IReadOnlyList<string>> RulesAsync() =>
        [.. from rule in (await GetAsync("rules")).GetProperty("groups").EnumerateArray().Single().GetProperty("rules").EnumerateArray()
            let error = rule.TryGetProperty("lastError", out var last) ? last.GetString() : ""
            select $"{rule.GetProperty("name").GetString()} {rule.GetProperty("health").GetString()} {error}".TrimEnd()];

    public void Dispose()
    {
        _program.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        Assert.That(_program.HasEnded, Is.False, _program.Errors);
        try
        {
            await GetAsync("rules");
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await _http.GetAsync(new Uri(path, UriKind.Relative));
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonDocument.Parse(text).RootElement.GetProperty("data") : throw new HttpRequestException($"{path}: {text}");
    }
}
