using System.Text.RegularExpressions;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the documents say is so, their links lead somewhere, and they are as easy to read as they are meant to be.</summary>
public sealed class Documentation
{
    private const int MostLines = 199;
    private const int MostColumns = 140;

    private static readonly IReadOnlyList<string> _paths = Document.Paths;

    // A row says at least what help has room for.
    [Test]
    public void The_tables_of_options_are_the_groups_that_help_prints()
    {
        var sections = new Document("SseListener/Docs/options.md").Text.Split("\n## ")[1..];
        foreach (var (group, section) in CommandLine.Groups.Zip(sections))
        {
            var starts = group.Options.Select(StartOf).ToArray();
            var rows = section.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).ToArray();
            Assert.That(section, Does.StartWith(group.Name + "\n"));
            Assert.That(rows, Has.Length.EqualTo(starts.Length), group.Name);
            foreach (var (row, start) in rows.Zip(starts))
                Assert.That(row, Does.StartWith(start));
        }

        Assert.That(sections, Has.Length.GreaterThan(CommandLine.Groups.Count));
    }

    [Test]
    public async Task The_table_of_metrics_has_those_that_there_are()
    {
        await using var server = TestServer.Start();
        var there = Found(await server.MetricsAsync(), "^# TYPE (sse_[a-z_]+)");
        var told = Rows("SseListener/Docs/operating.md", "`sse_").SelectMany(row => Found(row, "`(sse_[a-z_]+)"));
        Assert.That(told, Is.EquivalentTo(there));
    }

    [Test]
    public void The_table_of_dependencies_has_the_versions_that_are_pinned()
    {
        var pinned = from name in (string[])["SseListener", "SseListener.Tests"]
                     let project = File.ReadAllText(Path.Combine(Document.Repository, name, $"{name}.csproj"))
                     from package in Found(project, "PackageReference Include=\"(.*? Version=\"\\[.*?)\\]")
                     select package.Replace("\" Version=\"[", " ", StringComparison.Ordinal);
        var told = Rows(Document.Readme.Path, "`").SelectMany(row => Found(row, "(`[A-Za-z0-9.]+` [0-9][0-9.]*)"));
        Assert.That(told.Select(package => package.Replace("`", "", StringComparison.Ordinal)), Is.EquivalentTo(pinned));
    }

    [TestCaseSource(nameof(_paths))]
    public void Every_link_leads_somewhere(string path)
    {
        var document = Path.Combine(Document.Repository, path);
        var folder = Path.GetDirectoryName(document)!;
        foreach (Match link in Regex.Matches(new Document(path).Text, @"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)"))
        {
            var target = link.Groups[1].Length == 0 ? document : Path.Combine(folder, link.Groups[1].Value);
            Assert.That(File.Exists(target), Is.True, link.Value);
            var anchors = link.Groups[2].Success ? Anchors(File.ReadAllText(target)) : [""];
            Assert.That(anchors, Does.Contain(link.Groups[2].Value.ToUpperInvariant()), link.Value);
        }
    }

    [TestCaseSource(nameof(_paths))]
    public void A_document_has_no_line_that_is_too_long_and_says_first_for_whom_it_is(string path)
    {
        var lines = new Document(path).Text.Split('\n');

        // A row of a table cannot be broken.
        Assert.That(lines.Where(line => line.Length > MostColumns && !line.StartsWith('|')), Is.Empty);
        if (path == Document.Readme.Path)
            Assert.That(lines, Has.Length.LessThanOrEqualTo(MostLines));
        else
            Assert.That(lines[2], Does.StartWith("For "));
    }

    [Test]
    public void Every_trouble_has_a_test_and_every_test_of_one_an_entry()
    {
        var tests = from type in typeof(Troubles).Assembly.GetTypes()
                    where type.IsSubclassOf(typeof(Troubles))
                    from method in type.GetMethods()
                    where method.IsDefined(typeof(TestAttribute), inherit: false)
                    select method.Name;
        Assert.That(tests, Is.EquivalentTo(Troubles.Names));
    }

    private static IEnumerable<string> Found(string text, string pattern) =>
        Regex.Matches(text, pattern, RegexOptions.Multiline).Select(match => match.Groups[1].Value);

    private static IEnumerable<string> Rows(string document, string start) =>
        new Document(document).Text.Split('\n').Where(line => line.StartsWith($"| {start}", StringComparison.Ordinal));

    // As GitHub makes them of headings, but in capitals.
    private static IEnumerable<string> Anchors(string text) =>
        from Match heading in Regex.Matches(text, "^#+ (.*)$", RegexOptions.Multiline)
        select Regex.Replace(heading.Groups[1].Value.ToUpperInvariant(), "[^A-Z0-9 -]", "").Replace(' ', '-');

    private static string StartOf(CommandLineOption option) =>
        $"| `{option.Argument}` | `{option.Variable}` | {Default(option)} | {option.Help}";

    // The number of lanes depends on the machine.
    private static string Default(CommandLineOption option) => option.Name == "lanes" ? "half the processors, at least one" : $"`{option.Default}`";
}
