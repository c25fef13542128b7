using SseListener.Events;

namespace SseListener.Tests;

/// <summary>Ids as the NanoId package would make them.</summary>
public sealed class NanoIds
{
    [Test]
    public void Ids_drawn_on_several_threads_at_once_are_all_different()
    {
        var ids = new string[100_000];
        Parallel.For(0, ids.Length, i => ids[i] = NanoId.Generate());
        Assert.That(ids.Distinct().Count(), Is.EqualTo(ids.Length));
        Assert.That(ids.Select(id => id.Length).Distinct(), Is.EqualTo([NanoId.Size]));
        Assert.That(ids.SelectMany(id => id).Distinct(), Is.EquivalentTo(NanoId.Alphabet), "all of the alphabet, and nothing else");
    }
}
