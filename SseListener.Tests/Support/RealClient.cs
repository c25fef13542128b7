namespace SseListener.Tests.Support;

/// <summary>Clients that others have written. Each is a process that writes what it receives to its standard output.</summary>
internal static class RealClient
{
    /// <summary>Starts curl with these arguments.</summary>
    public static BuiltProgram Curl(string arguments) => BuiltProgram.Shell($"exec '{OtherPrograms.Curl()}' -sS {arguments}");

    /// <summary>Starts a script of Python, which has the module requests.</summary>
    public static BuiltProgram Python(string script, params string[] arguments) =>
        BuiltProgram.Shell(Script($"'{OtherPrograms.Python()}' -u -", script, arguments));

    /// <summary>Starts a module of Node.js, which may import eventsource.</summary>
    public static async Task<BuiltProgram> NodeAsync(string script, params string[] arguments)
    {
        var node = OtherPrograms.Node();
        return BuiltProgram.Shell($"cd '{await NodePackages.Folder}' && {Script($"'{node}' --input-type=module -", script, arguments)}");
    }

    /// <summary>Waits until it has written a text so many times.</summary>
    public static async Task WritesAsync(this BuiltProgram client, string text, int times = 1)
    {
        try
        {
            await Wait.UntilAsync(() => client.Output.Split(text).Length - 1 >= times, "not written");
        }
        catch (AssertionException)
        {
            Assert.Fail($"not written: {text} ({times} times); but: {client.Output} {client.Errors}");
        }
    }

    /// <summary>Waits for its end, which must be one without an error.</summary>
    public static async Task EndsWellAsync(this BuiltProgram client)
    {
        var code = await client.EndAsync();
        Assert.That(code, Is.Zero, client.Errors);
    }

    // In the place of the shell, so that it is the client that ends with the test.
    private static string Script(string command, string script, string[] arguments) =>
        $"exec {command} {string.Join(' ', arguments.Select(argument => $"'{argument}'"))} <<'END'\n{script}\nEND\n";
}
