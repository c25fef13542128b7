namespace SseListener.Tests.Support;

/// <summary>The npm packages that tests use: installed once into a folder of the test's output, with exact versions.</summary>
internal static class NodePackages
{
    // Version 3 runs with Debian's Node 18 too. Its parser is named because it would be the newest otherwise; so is ajv, of the validator.
    private const string Packages =
        "eventsource@3.0.7 eventsource-parser@3.1.1 @seriousme/openapi-schema-validator@2.11.0 ajv@8.20.0";

    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);
    private static readonly Lazy<Task<string>> _folder = new(InstallAsync);

    /// <summary>The folder from which a script of Node.js finds them.</summary>
    public static Task<string> Folder => _folder.Value;

    private static async Task<string> InstallAsync()
    {
        var folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "node")).FullName;
        var installed = Path.Combine(folder, "installed");
        if (File.Exists(installed) && await File.ReadAllTextAsync(installed) == Packages)
            return folder;

        using var npm = BuiltProgram.Execute(OtherPrograms.Npm(), $"install --prefix . --no-save --ignore-scripts --no-audit --no-fund {Packages}", folder);
        if (await npm.EndAsync(_limit) != 0)
            OtherPrograms.Miss("node", $"this test needs {Packages}, which npm does not install: {npm.Errors}");

        await File.WriteAllTextAsync(installed, Packages);
        return folder;
    }
}
