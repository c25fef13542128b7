using System.Diagnostics.CodeAnalysis;

namespace SseListener.Http;

/// <summary>Where the pages are.</summary>
internal static class Pages
{
    private const string Folder = "public";

    /// <summary>
    /// Finds the folder to serve: the one asked for; or <c>public</c> in the working directory, where an edit shows on reload; or
    /// the copy that every build has beside the program.
    /// </summary>
    public static bool TryFind(string? asked, [NotNullWhen(true)] out string? folder, [NotNullWhen(false)] out string? problem)
    {
        string[] places = asked is not null ? [asked] : [Folder, Path.Combine(AppContext.BaseDirectory, Folder)];
        folder = places.Where(Directory.Exists).Select(Path.GetFullPath).FirstOrDefault();
        problem = folder is null ? $"The folder of the pages is missing: {Path.GetFullPath(places[0])}." : null;
        return folder is not null;
    }
}
