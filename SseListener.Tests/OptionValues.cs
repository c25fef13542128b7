using System.Globalization;
using System.Reflection;
using SseListener.Access;
using SseListener.Cli;
using SseListener.Cluster;
using SseListener.Events;
using SseListener.Http;
using SseListener.Log;

namespace SseListener.Tests;

/// <summary>How the values of options are read: bounds, units, defaults.</summary>
public sealed class OptionValues
{
    private static readonly string[] _names = [.. CommandLine.Options.Select(option => option.Name)];

    private static readonly string[] _hasNoDefault = ["publish-token", "publish-token-file", "jwt-key", "jwks", "jwt-issuer", "jwt-audience", "private", "cors", "keep",
        "cluster", "cluster-creds", "cluster-ca", "cluster-cert", "cluster-key", "cluster-password", "cluster-password-file"];

    [TestCaseSource(nameof(_names))]
    public void The_default_that_help_shows_is_the_default_there_is(string name)
    {
        var option = Find(name);
        if (_hasNoDefault.Contains(name))
        {
            Assert.That(option.Default, Is.EqualTo("none"));
            return;
        }

        // The folder's default is also a fallback, so it is not the same as asking for that folder.
        var options = Set(name, option.Default);
        Assert.That(name == "public" ? options with { Public = null } : options, Is.EqualTo(new ServerOptions()));
    }

    [TestCaseSource(nameof(_names))]
    public void An_option_sets_the_property_of_its_own_name_and_no_other(string name)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, " 777\n");
        var (text, shown) = name switch
        {
            "trust-proxy" or "open-publish" => ("true", "True"),
            "publish-token-file" or "cluster-password-file" => (file, "777"),
            "cluster" => ("nats://a:777", "nats://a:777"),
            "cluster-replicas" => ("5", "5"),
            "jwt-key" => ("a secret of thirty-two characters", "HS256"),
            "jwks" => ("https://777.example/", "https://777.example/"),
            "cors" => ("https://777.example", "https://777.example"),
            "host" => ("example.org", "example.org"),
            "keep" => ("a=777", "777 of a"),
            "log-level" => ("error", "Error"),
            "lanes" => ("7", "7"),
            "sync" => ("always", "Always"),
            "log-format" => ("json", "Json"),
            "max-age" or "drain" or "history-age" or "heartbeat" or "retry" or "write-timeout" or "body-timeout" or "idle-timeout" or "cluster-timeout" => ("7m", "00:07:00"),
            _ => ("777", "777"),
        };
        var options = Set(name, text);
        var (property, owner, standard) = name.StartsWith("cluster", StringComparison.Ordinal)
            ? (ClusterProperty(name), (object)options.Cluster, (object)new ServerOptions().Cluster)
            : (Property(name), options, new ServerOptions());
        Assert.That(Shown(property.GetValue(owner)), Is.EqualTo(shown));
        File.Delete(file);
        property.SetValue(owner, property.GetValue(standard));
        Assert.That(options, Is.EqualTo(new ServerOptions()));
    }

    [TestCase("0", 0)]
    [TestCase("0s", 0)]
    [TestCase("2s", 2000)]
    public void Some_durations_may_be_none(string text, long milliseconds)
    {
        Assert.That(Units.TryDurationOrZero(text, out var value, out _), Is.True);
        Assert.That(value, Is.EqualTo(TimeSpan.FromMilliseconds(milliseconds)));
    }

    [TestCase("")]
    [TestCase("00")]
    [TestCase("-1s")]
    [TestCase("1")]
    public void No_other_text_is_a_duration_that_may_be_none(string text)
    {
        Assert.That(Units.TryDurationOrZero(text, out _, out var expected), Is.False);
        Assert.That(expected, Is.EqualTo("a duration of up to 576h, such as 300ms, 15s or 2m, or 0"));
    }

    [TestCase("1ms", 1)]
    [TestCase("300ms", 300)]
    [TestCase("15s", 15_000)]
    [TestCase("2m", 120_000)]
    [TestCase("24h", 86_400_000)]
    [TestCase("576h", 2_073_600_000)]
    [TestCase("2073600000ms", 2_073_600_000)]
    [TestCase("007s", 7_000)]
    public void A_duration_has_a_number_and_a_unit(string text, long milliseconds)
    {
        Assert.That(Units.TryDuration(text, out var value, out _), Is.True);
        Assert.That(value, Is.EqualTo(TimeSpan.FromMilliseconds(milliseconds)));
    }

    [TestCase("")]
    [TestCase("s")]
    [TestCase("15")]
    [TestCase("0s")]
    [TestCase("0ms")]
    [TestCase("-1s")]
    [TestCase("+1s")]
    [TestCase("1.5s")]
    [TestCase("1 s")]
    [TestCase(" 1s")]
    [TestCase("1s ")]
    [TestCase("1S")]
    [TestCase("1d")]
    [TestCase("1m30s")]
    [TestCase("577h")]
    [TestCase("2073600001ms")]
    [TestCase("9223372036854775807h")]
    [TestCase("99999999999999999999s")]
    [TestCase("\u0663s")]
    public void What_is_not_a_duration_is_refused(string text)
    {
        Assert.That(Units.TryDuration(text, out _, out var expected), Is.False);
        Assert.That(expected, Is.EqualTo("a duration of up to 576h, such as 300ms, 15s or 2m"));
    }

    [TestCase("history", "0", 0)]
    [TestCase("history", "65536", 65_536)]
    [TestCase("history", "1B", 1)]
    [TestCase("history", "64KiB", 65_536)]
    [TestCase("history", "1MiB", 1_048_576)]
    [TestCase("history", "3GiB", 3_221_225_472)]
    [TestCase("history", "9223372036854775807", long.MaxValue)]
    [TestCase("history", "8589934591GiB", long.MaxValue - (1L << 30) + 1)]
    [TestCase("max-body", "1", 1)]
    [TestCase("max-body", "128MiB", 134_217_728)]
    [TestCase("max-header", "256", 256)]
    [TestCase("max-header", "32KiB", 32_768)]
    [TestCase("port", "1", 1)]
    [TestCase("port", "65535", 65_535)]
    [TestCase("lanes", "1", 1)]
    [TestCase("lanes", "64", 64)]
    [TestCase("max-clients", "1", 1)]
    [TestCase("max-clients", "2147483647", int.MaxValue)]
    [TestCase("max-publishes", "1", 1)]
    [TestCase("presence-limit", "0", 0)]
    public void A_number_or_a_size_within_its_bounds_is_taken(string name, string text, long number) =>
        Assert.That(Convert.ToInt64(Property(name).GetValue(Set(name, text)), CultureInfo.InvariantCulture), Is.EqualTo(number));

    [TestCase("history", "9223372036854775808")]
    [TestCase("history", "8589934592GiB")]
    [TestCase("history", "-1")]
    [TestCase("history", "1.5MiB")]
    [TestCase("history", "64KB")]
    [TestCase("history", "64kib")]
    [TestCase("history", "64K")]
    [TestCase("history", "64 KiB")]
    [TestCase("history", "MiB")]
    [TestCase("history", "1B2")]
    [TestCase("history", "")]
    [TestCase("max-body", "0")]
    [TestCase("max-body", "134217729")]
    [TestCase("max-body", "129MiB")]
    [TestCase("max-header", "255")]
    [TestCase("max-header", "32769")]
    [TestCase("port", "0")]
    [TestCase("port", "65536")]
    [TestCase("port", "-1")]
    [TestCase("port", "+80")]
    [TestCase("port", " 80")]
    [TestCase("port", "80 ")]
    [TestCase("port", "8,080")]
    [TestCase("port", "0x50")]
    [TestCase("port", "\u0663\u0660\u0660\u0660")]
    [TestCase("port", "")]
    [TestCase("lanes", "0")]
    [TestCase("lanes", "65")]
    [TestCase("max-clients", "0")]
    [TestCase("max-clients", "2147483648")]
    [TestCase("max-publishes", "0")]
    [TestCase("presence-limit", "-1")]
    [TestCase("log-level", "")]
    [TestCase("log-level", "verbose")]
    [TestCase("log-level", "1")]
    [TestCase("log-level", "-1")]
    [TestCase("log-level", "+7")]
    [TestCase("log-level", " 7")]
    [TestCase("log-level", "debug,error")]
    [TestCase("host", "")]
    [TestCase("host", "a b")]
    [TestCase("host", "localhost:80")]
    [TestCase("host", "localhost/")]
    [TestCase("host", "::1]")]
    [TestCase("host", "[::1]:80")]
    [TestCase("public", "")]
    public void What_is_out_of_bounds_or_something_else_is_refused(string name, string text)
    {
        var options = new ServerOptions();
        var problem = Find(name).Read([text], _ => null, ref options);
        Assert.That(problem, Is.Not.Null);
        Assert.That(problem, Does.StartWith($"--{name} is ").And.EndsWith($", not '{text}'."));
        Assert.That(options, Is.EqualTo(new ServerOptions()));
    }

    [TestCase("debug", LogLevel.Debug)]
    [TestCase("Warning", LogLevel.Warning)]
    [TestCase("ERROR", LogLevel.Error)]
    public void A_log_level_is_a_name_in_any_case(string text, object level) =>
        Assert.That(Set("log-level", text).LogLevel, Is.EqualTo(level));

    [TestCase("localhost", "localhost")]
    [TestCase("::1", "[::1]")]
    [TestCase("[0:0:0:0:0:0:0:1]", "[::1]")]
    [TestCase("192.0.2.1", "192.0.2.1")]
    [TestCase("events.example.org", "events.example.org")]
    [TestCase("+", "+")]
    [TestCase("*", "+")]
    [TestCase("0.0.0.0", "+")]
    [TestCase("::", "+")]
    [TestCase("[::]", "+")]
    public void A_host_is_a_name_an_address_or_all(string text, string host) => Assert.That(Set("host", text).Host, Is.EqualTo(host));

    [Test]
    public void An_empty_variable_counts_as_not_set()
    {
        Assert.That(CommandLine.Read([], [], _ => "", out var options), Is.Zero);
        Assert.That(options, Is.EqualTo(new ServerOptions()));
    }

    private static string? Shown(object? value) => value switch
    {
        IReadOnlyList<string> list => list.Single(),
        IReadOnlyList<KeepRule> rules => $"{rules.Single().Events} of {rules.Single().Pattern}",
        IReadOnlyList<TokenKey> keys => keys.Single().Algorithms.Single(),
        IReadOnlyList<KeySet> sets => sets.Single().Address!.AbsoluteUri,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private static ServerOptions Set(string name, string text)
    {
        var options = new ServerOptions();
        var isVariable = Find(name).Kind is OptionKind.Variable;
        Assert.That(Find(name).Read(isVariable ? null : [text], _ => isVariable ? text : null, ref options), Is.Null);
        return options;
    }

    private static PropertyInfo Property(string name) => typeof(ServerOptions).GetProperties()
        .Single(property => property.Name.Equals(name.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));

    private static PropertyInfo ClusterProperty(string name) => typeof(ClusterOptions).GetProperties()
        .Single(property => name.Replace("-", "", StringComparison.Ordinal).Equals(property.Name == "Servers" ? "cluster" : "cluster" + property.Name, StringComparison.OrdinalIgnoreCase));

    private static CommandLineOption Find(string name) => CommandLine.Options.Single(option => option.Name == name);
}
