using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>run.sh</c>, beside a small program in the place of the real one.</summary>
public sealed class RunningFromSource
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
          </PropertyGroup>
        </Project>
        """;

    private const string Source = "#warning chatter\nSystem.Console.Write(\"one \" + string.Join('|', args));";

    [Test]
    public async Task It_builds_what_has_changed_and_prints_only_what_the_program_does()
    {
        using var folder = new TempFolder();
        Write(folder, ".editorconfig", "root = true");
        Write(folder, "public/index.html", "page");
        Write(folder, "SseListener/SseListener.csproj", Project);
        Write(folder, "SseListener/Program.cs", Source);
        Write(folder, "SseListener/README.md", "no source");
        File.Copy(Path.Combine(Document.Repository, "run.sh"), Path.Combine(folder.Path, "run.sh"));
        await RunsAsync(folder, 0, "one a b|c", "Building …");
        Write(folder, "SseListener/README.md", "nor now");
        await RunsAsync(folder, 0, "one a b|c", "");
        File.Delete(Path.Combine(folder.Path, "public/index.html"));
        await RunsAsync(folder, 0, "one a b|c", "Building …");
        Write(folder, "SseListener/Program.cs", "nonsense");
        for (var i = 0; i < 2; i++)
            Assert.That(await RunsAsync(folder, 1, "", "Building …"), Does.Contain("Program.cs(1,").And.Contain("error CS"));
    }

    private static void Write(TempFolder folder, string file, string text)
    {
        var path = Path.Combine(folder.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private static async Task<string> RunsAsync(TempFolder folder, int exitCode, string output, string errors)
    {
        // No process of the build stays behind.
        (string, string)[] environment = [("UseSharedCompilation", "false"), ("MSBUILDDISABLENODEREUSE", "1")];
        using var run = BuiltProgram.Execute("bash", $"\"{folder.Path}/run.sh\" \"a b\" c", "/", environment);
        Assert.That(await run.EndAsync(TimeSpan.FromMinutes(5)), Is.EqualTo(exitCode), run.Errors);
        Assert.That(run.Output, Is.EqualTo(output));
        Assert.That(exitCode == 0 ? run.Errors : run.Errors.Split('\n')[0], Is.EqualTo(errors));
        return run.Errors;
    }
}
