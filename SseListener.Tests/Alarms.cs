using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The rules and the dashboard of <c>SseListener/Deploy</c>, which ask for what there is to measure.</summary>
public sealed class Alarms
{
    private static readonly string _folder = Path.Combine(Document.Repository, "SseListener.Tests");
    private static readonly string _rules = File.ReadAllText(InDeploy("prometheus-rules.yml"));

    [Test]
    public async Task Promtool_finds_no_fault_with_the_rules_and_they_fire_when_they_should()
    {
        Assert.That(await PromtoolAsync($"check rules {InDeploy("prometheus-rules.yml")}"), Does.Contain("SUCCESS"));
        Assert.That(await PromtoolAsync("test rules prometheus-rules.test.yml"), Does.Contain("SUCCESS"));

        // The test counts them, so that none can be left out.
        var count = Regex.Count(_rules, "- alert: ");
        Assert.That(await File.ReadAllTextAsync(Path.Combine(_folder, "prometheus-rules.test.yml")), Does.Contain($"value: {count} }}"));
    }

    [Test]
    public async Task Prometheus_answers_every_query_of_the_dashboard_and_evaluates_every_rule()
    {
        using var data = new TempFolder();
        using var nats = await NatsServer.StartAsync();
        await using var server = TestServer.Start(o => o with { Data = data.Path });
        await using var hub = TestServer.Start(o => o with { Cluster = o.Cluster with { Servers = [nats.Address], Replicas = 1 } });
        using var prometheus = await PrometheusServer.StartAsync(server.Port, hub.Port);
        await using var listener = await server.SubscribeAsync();
        await using var other = await hub.SubscribeAsync();
        foreach (var (title, isOfCluster, query) in Queries())
        {
            // What is measured of publishes, deliveries and the journal has values only while there are some.
            var asked = isOfCluster ? hub : server;
            await Wait.UntilAsync(
                async () =>
                {
                    await asked.PublishAsync("""{"data":1}""");
                    return (await prometheus.InstancesAsync(query)).Contains(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{asked.Port}"));
                },
                $"{title} is empty: {query}");
        }

        var rules = Regex.Matches(_rules, "- alert: (.*)").Select(alert => alert.Groups[1].Value + " ok").ToArray();
        Assert.That(rules, Is.Not.Empty);
        await Wait.UntilAsync(async () => (await prometheus.RulesAsync()).SequenceEqual(rules), "not all rules can be evaluated");

        // A rule about what is not measured would be well, and never fire.
        var measured = await server.MetricsAsync() + await hub.MetricsAsync() + "# TYPE up gauge";
        var expressions = string.Join('\n', Regex.Matches(_rules, "expr: (.*)").Select(expression => Regex.Replace(expression.Groups[1].Value, "_bucket\\b", "")));
        var names = Regex.Matches(expressions, "\\b(?:sse|process)_[a-z_]+|\\bup\\b").Select(name => name.Value).Distinct().ToArray();
        Assert.That(names, Has.Length.GreaterThan(10));
        Assert.That(names.Where(name => !measured.Contains($"# TYPE {name} ", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Each_panel_of_the_dashboard_has_its_own_place_and_the_data_source_that_is_chosen()
    {
        var panels = Dashboard().GetProperty("panels").EnumerateArray().ToList();
        Assert.That(panels.Select(panel => panel.GetProperty("id").GetInt32()), Is.Unique);
        var cells = from panel in panels
                    let place = panel.GetProperty("gridPos")
                    from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
                    from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
                    select (x, y);
        Assert.That(cells, Is.Unique);
        Assert.That(cells.Max(cell => cell.x), Is.EqualTo(23));
        var sources = panels.Where(panel => panel.TryGetProperty("targets", out _)).Select(panel => panel.GetProperty("datasource").GetProperty("uid").GetString());
        Assert.That(sources, Has.All.EqualTo("${datasource}"));
    }

    // As Grafana would send them.
    private static IEnumerable<(string Title, bool IsOfCluster, string Query)> Queries()
    {
        var isOfCluster = false;
        foreach (var panel in Dashboard().GetProperty("panels").EnumerateArray())
        {
            isOfCluster |= panel.GetProperty("type").GetString() == "row";
            foreach (var target in panel.TryGetProperty("targets", out var targets) ? targets.EnumerateArray() : default)
            {
                var query = target.GetProperty("expr").GetString()!;
                yield return (panel.GetProperty("title").GetString()!, isOfCluster, query.Replace("$instance", ".*", StringComparison.Ordinal).Replace("$__rate_interval", "5s", StringComparison.Ordinal));
            }
        }
    }

    private static JsonElement Dashboard() => JsonDocument.Parse(File.ReadAllText(InDeploy("grafana-dashboard.json"))).RootElement;

    private static async Task<string> PromtoolAsync(string arguments)
    {
        using var promtool = BuiltProgram.Execute(OtherPrograms.Promtool(), arguments, _folder);
        Assert.That(await promtool.EndAsync(), Is.Zero, promtool.Output + promtool.Errors);
        return promtool.Output;
    }

    private static string InDeploy(string file) => Path.Combine(Document.Repository, "SseListener", "Deploy", file);
}
