using SseListener.Cli;
using SseListener.Events;
using SseListener.Http;

namespace SseListener.Tests;

/// <summary>How the rules of --keep are read, and what contradicts them.</summary>
public sealed class RulesOfKeep
{
    [TestCase("a=1", "a", null, null, 1)]
    [TestCase("a/*=7d", "a/*", null, 7 * 24 * 3600, null)]
    [TestCase("*=1MiB", "*", 1_048_576, null, null)]
    [TestCase("llm/*=10m,1MiB", "llm/*", 1_048_576, 600, null)]
    [TestCase("llm/*=50, 1B, 400d", "llm/*", 1, 400 * 24 * 3600, 50)]
    public void A_rule_of_what_is_kept_has_an_age_a_size_or_a_number(string text, string pattern, long? bytes, int? seconds, int? events)
    {
        Assert.That(Units.TryKeepRule(text, out var rule, out _));
        Assert.That(rule, Is.EqualTo(new KeepRule(pattern, bytes, seconds is { } age ? TimeSpan.FromSeconds(age) : null, events)));
    }

    [TestCase("")]
    [TestCase("a")]
    [TestCase("a=")]
    [TestCase("=1")]
    [TestCase("a=1,")]
    [TestCase("a=0")]
    [TestCase("a=0B")]
    [TestCase("a=0s")]
    [TestCase("a=-1")]
    [TestCase("a=1,2")]
    [TestCase("a=1s,2s")]
    [TestCase("a=1B,1KiB")]
    [TestCase("a=1=1")]
    [TestCase("a=2147483648")]
    [TestCase("a*=1")]
    [TestCase("a/*/b=1")]
    [TestCase("a b=1")]
    public void What_is_no_rule_of_what_is_kept_is_refused(string text) => Assert.That(Units.TryKeepRule(text, out _, out _), Is.False);

    [TestCase("a=1,1MiB,b/*=7d,*=2", null)]
    [TestCase("a=1,1MiB", "b/*=7d,*=2")]
    public void Rules_of_what_is_kept_have_commas_between_them_and_within_them(string first, string? second)
    {
        string[] texts = second is null ? [first] : [first, second];
        var options = new ServerOptions();
        Assert.That(CommandLine.Options.Single(option => option.Name == "keep").Read(texts, _ => null, ref options), Is.Null);
        Assert.That(options.Keep.Select(rule => rule.Pattern), Is.EqualTo((string[])["a", "b/*", "*"]));
        Assert.That(options.Keep[0], Is.EqualTo(new KeepRule("a", 1_048_576, Age: null, Events: 1)));
    }

    [TestCase("--history 1KiB")]
    [TestCase("--history 1MiB --max-body 1MiB")]
    [TestCase("--history 0 --max-body 1MiB")]
    [TestCase("--keep a=1KiB --max-body 1MiB")]
    [TestCase("--history 1MiB --keep files/*=8MiB --max-body 8MiB")]
    public void What_is_not_asked_for_contradicts_nothing(string arguments) =>
        Assert.That(CommandLine.Read(arguments.Split(' '), [], _ => null, out _), Is.Zero);
}
