namespace SseListener.Events;

/// <summary>The allowances of all rules, the most specific first, and behind them that of the channels without a rule.</summary>
internal sealed class Allowances
{
    private readonly Allowance[] _all;

    /// <summary>What is kept of channels without a rule, and the rules. Each pattern has at most one.</summary>
    public Allowances(long bytes, TimeSpan age, params IReadOnlyList<KeepRule> rules)
    {
        var rest = new KeepRule(ChannelNames.All, Bytes: null, Age: null, Events: null);
        _all = [.. rules.OrderBy(Specificity).Append(rest).Select(rule => new Allowance(rule, bytes, age))];
    }

    public IReadOnlyList<Allowance> All => _all;

    /// <summary>The allowance of a channel.</summary>
    public Allowance Of(string channel)
    {
        foreach (var allowance in _all.AsSpan(0, _all.Length - 1))
        {
            if (ChannelNames.Covers(allowance.Rule.Pattern, channel))
                return allowance;
        }

        return _all[^1];
    }

    /// <summary>The allowances that channels under a pattern may have.</summary>
    public IEnumerable<Allowance> Under(string pattern)
    {
        foreach (var allowance in _all.Where(allowance => ChannelNames.Overlap(allowance.Rule.Pattern, pattern)))
        {
            yield return allowance;
            if (ChannelNames.Covers(allowance.Rule.Pattern, pattern))
                yield break;
        }
    }

    /// <summary>Says that frames up to this number may have been of any channel.</summary>
    public void CountUnknown(long sequence) => Array.ForEach(_all, allowance => allowance.CountUnknown(sequence));

    // Names first, then the longest patterns.
    private static int Specificity(KeepRule rule) => rule.Pattern.EndsWith('*') ? -rule.Pattern.Length : int.MinValue;
}
