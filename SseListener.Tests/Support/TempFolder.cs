namespace SseListener.Tests.Support;

/// <summary>A folder for one test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("sse-data-").FullName;

    /// <summary>Its journal files, oldest first.</summary>
    public string[] Journals => [.. Directory.GetFiles(Path, "journal-*.sse").Order(StringComparer.Ordinal)];

    /// <summary>What stands in its journal files, oldest first. A running server may delete a file after it was listed; that one counts as empty.</summary>
    public string[] JournalTexts => [.. Journals.Select(TextOrEmpty)];

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static string TextOrEmpty(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (FileNotFoundException)
        {
            return "";
        }
    }
}
