using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace SseListener.Tests;

/// <summary>Which folder of the program may use which others: one way only.</summary>
public sealed partial class Rooms
{
    private static readonly Dictionary<string, string[]> _mayUse = new()
    {
        ["Log"] = [],
        ["Events"] = ["Log"],
        ["Delivery"] = ["Events", "Log"],
        ["Journal"] = ["Events", "Log"],
        ["Cluster"] = ["Journal", "Events", "Log"],
        ["Metrics"] = ["Cluster", "Delivery", "Events"],
        ["Listener"] = ["Log"],
        ["Access"] = ["Listener", "Events", "Log"],
        ["Http"] = ["Access", "Listener", "Metrics", "Delivery", "Cluster", "Journal", "Events", "Log"],
        ["Cli"] = ["Http", "Access", "Journal", "Events", "Log"],
        ["Verbs"] = ["Cli", "Http", "Access", "Events", "Log"],
        ["Bench"] = ["Cli", "Listener", "Events", "Log"],
        ["Runtime"] = ["Http", "Listener", "Journal", "Log"],
    };

    private static IEnumerable<string> Folders => Directory.GetDirectories(Source()).Select(Path.GetFileName).Except(["bin", "obj"])!;

    [TestCaseSource(nameof(Folders))]
    public void A_folder_uses_only_those_below_it(string folder)
    {
        var used = from file in Directory.GetFiles(Path.Combine(Source(), folder), "*.cs")
                   from Match match in Namespace().Matches(File.ReadAllText(file))
                   select match.Groups[1].Value;
        Assert.That(used.Distinct().Except([folder]), Is.SubsetOf(_mayUse.GetValueOrDefault(folder) ?? []));
    }

    [Test]
    public void No_private_names_of_the_framework_are_used_but_in_one_file()
    {
        var files = from file in Directory.GetFiles(Source(), "*.cs", SearchOption.AllDirectories)
                    where !file.Contains("/obj/", StringComparison.Ordinal) && File.ReadAllText(file).Contains("[UnsafeAccessor", StringComparison.Ordinal)
                    select Path.GetFileName(file);
        Assert.That(files, Is.EqualTo((string[])["PrivateNames.cs"]));
    }

    // Also in full names, without a using.
    [GeneratedRegex(@"\bSseListener\.([A-Z]\w+)")]
    private static partial Regex Namespace();

    private static string Source([CallerFilePath] string test = "") => Path.Combine(Path.GetDirectoryName(test)!, "../SseListener");
}
