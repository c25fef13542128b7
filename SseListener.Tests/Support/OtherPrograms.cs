using System.Diagnostics.CodeAnalysis;

namespace SseListener.Tests.Support;

/// <summary>Programs that a few tests drive and that a fresh machine may not have. <c>SSE_REQUIRE</c>, a list such as
/// <c>browser,nginx</c>, says which of them have to be there.</summary>
internal static class OtherPrograms
{
    // Debian's modules, which Debian's python3 finds and another one on the PATH may not.
    private const string PythonModules = "/usr/lib/python3/dist-packages";

    /// <summary>The path of Chromium: rather of the form without a window, which takes a third of the processor's time.</summary>
    public static string Browser() =>
        Find("browser", "chromium-headless-shell", "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome");

    /// <summary>The path of nginx.</summary>
    public static string Nginx() => Find("nginx", "nginx", "nginx");

    /// <summary>The path of Caddy.</summary>
    public static string Caddy() => Find("caddy", "caddy", "caddy");

    /// <summary>The path of HAProxy.</summary>
    public static string Haproxy() => Find("haproxy", "haproxy", "haproxy");

    /// <summary>The path of curl.</summary>
    public static string Curl() => Find("curl", "curl", "curl");

    /// <summary>The path of a Python that has this module.</summary>
    public static string Python(string module = "requests")
    {
        if (!Directory.Exists(Path.Combine(PythonModules, module)))
            Miss("python", $"this test needs Python's {module}: apt-get install python3-{module}");

        return "/usr/bin/python3";
    }

    /// <summary>The path of Node.js.</summary>
    public static string Node() => Find("node", "nodejs npm", "node");

    /// <summary>The path of Node.js's package manager.</summary>
    public static string Npm() => Find("node", "nodejs npm", "npm");

    /// <summary>The path of Prometheus's promtool.</summary>
    public static string Promtool() => Find("prometheus", "prometheus", "promtool");

    /// <summary>The path of Prometheus.</summary>
    public static string Prometheus() => Find("prometheus", "prometheus", "prometheus");

    /// <summary>The path of nats-server.</summary>
    public static string NatsServer() => Find("nats", "nats-server", "nats-server");

    /// <summary>The path of a C compiler.</summary>
    public static string Compiler() => Find("compiler", "clang", "clang", "gcc", "cc");

    /// <summary>The path of systemd's checker of units.</summary>
    public static string SystemdAnalyze() => Find("systemd", "systemd", "systemd-analyze");

    /// <summary>Skips a test that builds for long and takes packages from NuGet for it, unless SSE_REQUIRE names it.</summary>
    public static void Packaging()
    {
        if (!IsRequired("packaging"))
            Assert.Ignore("this test builds for a while, and with clang and zlib1g-dev: SSE_REQUIRE=packaging");
    }

    /// <summary>Skips a test that lacks something; where SSE_REQUIRE names it, fails the test.</summary>
    /// <param name="name">Its name in SSE_REQUIRE.</param>
    /// <param name="needed">What the test needs, and how to get it.</param>
    [DoesNotReturn]
    public static void Miss(string name, string needed)
    {
        if (IsRequired(name))
            throw new AssertionException($"{needed} (SSE_REQUIRE names {name})");

        throw new IgnoreException(needed);
    }

    private static string Find(string name, string package, params string[] commands)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/bin", "/usr/sbin", "/usr/local/bin"];
        var found = from command in commands from folder in folders select Path.Combine(folder, command);
        if (found.FirstOrDefault(File.Exists) is { } path)
            return path;

        Miss(name, $"this test needs {commands[0]}: apt-get install {package}");
        return "";
    }

    private static bool IsRequired(string name) =>
        (Environment.GetEnvironmentVariable("SSE_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries).Contains(name);
}
