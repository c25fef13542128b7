using System.Diagnostics.CodeAnalysis;

namespace SseListener.Http;

/// <summary>Where the pages are.</summary>
internal static class Pages
{
    private const string Folder = "public";

    /// <summary>
    /// Finds the folder to serve: the one asked for, or <c>public</c> in the working directory, where an edit shows on reload.
    /// Without either it is null, for the pages within the program.
    /// </summary>
    public static bool TryFind(string? asked, out string? folder, [NotNullWhen(false)] out string? problem)
    {
        folder = Directory.Exists(asked ?? Folder) ? Path.GetFullPath(asked ?? Folder) : null;
        problem = asked is not null && folder is null ? $"The folder of the pages is missing: {Path.GetFullPath(asked)}." : null;
        return problem is null;
    }

    /// <summary>Opens a page within the program, so that one file is all of it; null when there is none.</summary>
    /// <param name="path">Its path below the folder, with slashes.</param>
    public static Stream? TryOpenBuiltIn(string path) => typeof(Pages).Assembly.GetManifestResourceStream($"{Folder}/{path}");
}
