using System.Text.RegularExpressions;

namespace SseListener.Tests.Support;

/// <summary>The README, whose examples are what is tested.</summary>
internal static class Readme
{
    /// <summary>The root of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>All of it.</summary>
    public static string Text { get; } = File.ReadAllText(Path.Combine(Repository, "README.md"));

    /// <summary>What stands in its only block of this language.</summary>
    public static string Block(string language)
    {
        var blocks = Regex.Matches(Text, $"^```{language}\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline);
        Assert.That(blocks, Has.Count.EqualTo(1), language);
        return blocks[0].Groups[1].Value;
    }

    /// <summary>What is between two pieces of it that stand on one line.</summary>
    public static string Between(string before, string after)
    {
        var found = Regex.Matches(Text, $"{Regex.Escape(before)}(.*?){Regex.Escape(after)}");
        Assert.That(found, Has.Count.EqualTo(1), before);
        return found[0].Groups[1].Value;
    }

    private static string FindRepository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "README.md")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
