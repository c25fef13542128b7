namespace SseListener.Tests.Support;

/// <summary>Programs that a few tests drive and that a fresh machine may not have. <c>SSE_REQUIRE</c>, a list such as
/// <c>browser,nginx</c>, says which of them have to be there.</summary>
internal static class OtherPrograms
{
    /// <summary>The path of Chromium.</summary>
    public static string Browser() => Find("browser", "chromium", "chromium", "chromium-browser", "google-chrome");

    /// <summary>The path of nginx.</summary>
    public static string Nginx() => Find("nginx", "nginx", "nginx");

    /// <summary>The path of Prometheus's promtool.</summary>
    public static string Promtool() => Find("prometheus", "prometheus", "promtool");

    /// <summary>The path of systemd's checker of units.</summary>
    public static string SystemdAnalyze() => Find("systemd", "systemd", "systemd-analyze");

    /// <summary>Skips a test that builds for long and takes packages from NuGet for it, unless SSE_REQUIRE names it.</summary>
    public static void Packaging()
    {
        if (!IsRequired("packaging"))
        {
            Assert.Ignore("this test builds for a while, and with clang and zlib1g-dev: SSE_REQUIRE=packaging");
        }
    }

    // Without the program the test is skipped, or, where SSE_REQUIRE names it, fails.
    private static string Find(string name, string package, params string[] commands)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/bin", "/usr/sbin", "/usr/local/bin"];
        var found = from command in commands from folder in folders select Path.Combine(folder, command);
        if (found.FirstOrDefault(File.Exists) is { } path)
        {
            return path;
        }

        var needed = $"this test needs {commands[0]}: apt-get install {package}";
        if (IsRequired(name))
        {
            Assert.Fail($"{needed} (SSE_REQUIRE names {name})");
        }

        Assert.Ignore(needed);
        return "";
    }

    private static bool IsRequired(string name) =>
        (Environment.GetEnvironmentVariable("SSE_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries).Contains(name);
}
