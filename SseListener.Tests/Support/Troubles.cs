using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;

namespace SseListener.Tests.Support;

/// <summary>
/// Tests of <c>SseListener/Docs/trouble.md</c>. Each is called like the heading of an entry, provokes what the entry is about, sees all
/// that it quotes, and finds that the cure helps.
/// </summary>
public abstract class Troubles
{
    private static readonly Document _document = new("SseListener/Docs/trouble.md");

    private List<string> _quotes = [];
    private List<string> _unseen = [];

    /// <summary>The entries' headings, as names of tests.</summary>
    internal static IEnumerable<string> Names => Regex.Matches(_document.Text, "^### (.*)$", RegexOptions.Multiline).Select(NameOf);

    [SetUp]
    public void Read()
    {
        var entries = Regex.Matches(_document.Text, "^### (.*)\n((?:(?!#).*\n)*)", RegexOptions.Multiline);
        var entry = entries.Single(entry => NameOf(entry) == TestContext.CurrentContext.Test.MethodName);
        _quotes = [.. Regex.Matches(entry.Groups[2].Value, "^    (.*)$", RegexOptions.Multiline).Select(line => line.Groups[1].Value)];
        _unseen = [.. _quotes];
    }

    [TearDown]
    public void Has_seen_all_that_is_quoted()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status is TestStatus.Passed)
            Assert.That(_unseen, Is.Empty);
    }

    /// <summary>Checks that something has in it what the entry quotes, or some of that.</summary>
    internal void Sees(string text)
    {
        var seen = _quotes.FindAll(quote => IsIn(quote, text));
        Assert.That(seen, Is.Not.Empty, text);
        _unseen.RemoveAll(seen.Contains);
    }

    /// <summary>Waits until a log has all in it that the entry quotes and that has not been seen yet.</summary>
    internal async Task LogsAsync(Func<string> logged)
    {
        try
        {
            await Wait.UntilAsync(() => _unseen.RemoveAll(quote => IsIn(quote, logged())) >= 0 && _unseen.Count == 0, "not logged");
        }
        catch (AssertionException)
        {
            Assert.Fail($"not logged: {string.Join(" and ", _unseen)}; but: {logged()}");
        }
    }

    /// <summary>Checks the status of an answer, and that it says what the entry quotes.</summary>
    internal async Task SeesAsync(HttpResponseMessage answer, int status)
    {
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Sees(await answer.Content.ReadAsStringAsync());
    }

    private static string NameOf(Match heading) => Regex.Replace(heading.Groups[1].Value, "[^A-Za-z0-9]+", "_");

    // Three dots stand for what differs.
    private static bool IsIn(string quote, string text) =>
        Regex.IsMatch(text, Regex.Escape(quote).Replace("…", ".*", StringComparison.Ordinal));
}
