using System.Text.RegularExpressions;

namespace SseListener.Tests.Support;

/// <summary>A document of the repository, whose examples are what is tested.</summary>
/// <param name="Path">Where it is, seen from the root of the repository.</param>
internal sealed record Document(string Path)
{
    private static readonly string[] _folders = ["SseListener", "SseListener.Tests"];

    /// <summary>The root of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>What everybody reads first.</summary>
    public static Document Readme { get; } = new("README.md");

    /// <summary>Where all documents are.</summary>
    public static IReadOnlyList<string> Paths { get; } = ["README.md", .. FindAll().Order(StringComparer.Ordinal)];

    /// <summary>What it says.</summary>
    public string Text { get; } = File.ReadAllText(System.IO.Path.Combine(Repository, Path));

    /// <summary>What stands in its blocks of this language.</summary>
    public string[] Blocks(string language)
    {
        var blocks = Regex.Matches(Text, $"^```{language}\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline);
        return [.. blocks.Select(block => block.Groups[1].Value)];
    }

    /// <summary>Its only line that begins so.</summary>
    public string Line(string start)
    {
        var found = Regex.Matches(Text, $"^{Regex.Escape(start)}.*$", RegexOptions.Multiline);
        Assert.That(found, Has.Count.EqualTo(1), start);
        return found[0].Value;
    }

    private static IEnumerable<string> FindAll() =>
        from folder in _folders
        from file in Directory.EnumerateFiles(System.IO.Path.Combine(Repository, folder), "*.md", SearchOption.AllDirectories)
        let path = System.IO.Path.GetRelativePath(Repository, file)
        where !path.Split('/').Any(step => step is "bin" or "obj")
        select path;

    private static string FindRepository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(folder, "SseListener.sln")))
            folder = System.IO.Path.GetDirectoryName(folder)!;

        return folder;
    }
}
