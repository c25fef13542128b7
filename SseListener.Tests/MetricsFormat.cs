using System.Diagnostics;
using System.Diagnostics.Metrics;
using SseListener.Metrics;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Metrics as Prometheus wants them written.</summary>
public sealed class MetricsFormat
{
    [Test]
    public async Task Promtool_finds_nothing_wrong()
    {
        var promtool = OtherPrograms.Promtool();
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":1}""");
        using var refused = await server.PostAsync("/events", "application/json", "{");
        using var check = Process.Start(new ProcessStartInfo(promtool, "check metrics") { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        await check.StandardInput.WriteAsync(await server.MetricsAsync());
        check.StandardInput.Close();
        var said = await check.StandardOutput.ReadToEndAsync() + await check.StandardError.ReadToEndAsync();
        await check.WaitForExitAsync();
        Assert.That(said, Is.Empty);
        Assert.That(check.ExitCode, Is.Zero);
    }

    [Test]
    public void Labels_and_help_cannot_break_a_line()
    {
        using var meter = new Meter("test");
        using var text = new PrometheusText(meter);
        meter.CreateCounter<long>("a.b", "By", "one\ntwo\\").Add(3, new KeyValuePair<string, object?>("c.d", "x\"y\n\\"));
        Assert.That(text.Write(), Does.StartWith("# HELP a_b_bytes_total one\\ntwo\\\\\n# TYPE a_b_bytes_total counter\na_b_bytes_total{c_d=\"x\\\"y\\n\\\\\"} 3\n"));
    }

    [Test]
    public void A_bucket_holds_what_is_no_more_than_its_bound()
    {
        using var meter = new Meter("test");
        using var text = new PrometheusText(meter);
        var bounds = new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] };
        var histogram = meter.CreateHistogram("t", unit: null, description: "help", tags: null, bounds);
        foreach (var value in new[] { 0.5, 1, 1.5, 2, 2.5 })
            histogram.Record(value, new KeyValuePair<string, object?>("k", "v"));

        Assert.That(text.Write(), Does.EndWith(
            "t_bucket{k=\"v\",le=\"1\"} 2\nt_bucket{k=\"v\",le=\"2\"} 4\nt_bucket{k=\"v\",le=\"+Inf\"} 5\nt_sum{k=\"v\"} 7.5\nt_count{k=\"v\"} 5\n"));
    }
}
