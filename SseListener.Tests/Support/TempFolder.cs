namespace SseListener.Tests.Support;

/// <summary>A folder for one test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("sse-data-").FullName;

    /// <summary>Its journal files, oldest first.</summary>
    public string[] Journals => [.. Directory.GetFiles(Path, "journal-*.sse").Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
