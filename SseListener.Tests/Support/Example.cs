using System.Collections.Concurrent;

namespace SseListener.Tests.Support;

/// <summary>A file of <c>SseListener/Docs/examples</c>, run as it is.</summary>
internal static class Example
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> _built = [];

    /// <summary>What stands in it.</summary>
    public static string Read(string file) => File.ReadAllText(Path.Combine(Document.Repository, "SseListener/Docs/examples", file));

    /// <summary>Runs it with this URL in place of the one that it has itself.</summary>
    public static async Task<BuiltProgram> StartAsync(string file, string url) => Path.GetExtension(file) switch
    {
        ".py" => RealClient.Python(Read(file), url),
        ".mjs" => await RealClient.NodeAsync(Read(file), url),
        _ => DocumentedExamples.Run(await _built.GetOrAdd(file, _ => new(() => BuildAsync(file))).Value, url),
    };

    private static async Task<string> BuildAsync(string file)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "examples", Path.GetFileNameWithoutExtension(file));
        await DocumentedExamples.BuildAsync(folder, Read(file));
        return folder;
    }
}
