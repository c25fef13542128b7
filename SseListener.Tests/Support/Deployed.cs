namespace SseListener.Tests.Support;

/// <summary>A file of <c>SseListener/Deploy</c>, used as it is but for values that it marks as its reader's own.</summary>
internal static class Deployed
{
    // At the end of a line, or alone on the line before it.
    private const string Mark = "# yours";

    /// <summary>The file's text.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="values">What stands in it once, in a marked line, and what the test has in its place.</param>
    public static string Read(string file, params (string Theirs, string Ours)[] values)
    {
        var lines = File.ReadAllLines(Path.Combine(Document.Repository, "SseListener", "Deploy", file));
        foreach (var (theirs, ours) in values)
        {
            var at = Array.FindIndex(lines, line => line.Contains(theirs, StringComparison.Ordinal));
            Assert.That(string.Join('\n', lines).Split(theirs), Has.Length.EqualTo(2), theirs);
            Assert.That(IsMarked(lines, at), Is.True, $"{theirs} is not marked");
            lines[at] = lines[at].Replace(theirs, ours, StringComparison.Ordinal);
        }

        return string.Join('\n', lines) + "\n";
    }

    private static bool IsMarked(string[] lines, int at)
    {
        if (lines[at].EndsWith(Mark, StringComparison.Ordinal))
            return true;

        while (lines[at - 1].EndsWith('\\'))
            at--;

        return lines[at - 1].Trim() == Mark;
    }
}
