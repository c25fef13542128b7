using System.Buffers;
using System.Net.ServerSentEvents;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SseListener.Events;

namespace SseListener.Tests;

/// <summary>The exact bytes of frames, and that any text survives them.</summary>
public sealed class WireFormat
{
    [TestCase("", "data: \n")]
    [TestCase("a", "data: a\n")]
    [TestCase("  a", "data:   a\n")]
    [TestCase("a\nb", "data: a\ndata: b\n")]
    [TestCase("a\r\nb", "data: a\ndata: b\n")]
    [TestCase("a\rb", "data: a\ndata: b\n")]
    [TestCase("a\n\rb", "data: a\ndata: \ndata: b\n")]
    [TestCase("a\n", "data: a\ndata: \n")]
    [TestCase("\n", "data: \ndata: \n")]
    [TestCase("a\u2028b\u2029c\fd\u0085e\vf", "data: a\u2028b\u2029c\fd\u0085e\vf\n")]
    [TestCase("a\0b", "data: a\0b\n")]
    [TestCase("event: forged", "data: event: forged\n")]
    public void Data_is_split_at_CRLF_LF_and_CR_and_at_nothing_else(string data, string lines) =>
        Assert.That(Frame(data, null, "i"), Is.EqualTo(lines + "id: i\n\n"));

    [TestCase(true, nameof(Envelope.None), "event: join\ndata: {\"joined\":\"V1StGXR8_Z\",\"clients\":17}\nid: @o3v\n\n")]
    [TestCase(true, nameof(Envelope.None), "event: join\ndata: {\"joined\":\"V1StGXR8_Z\",\"user\":\"a\\\"\\nb\",\"clients\":17}\nid: @o3v\n\n", "a\"\nb")]
    [TestCase(false, nameof(Envelope.None), "event: leave\ndata: {\"left\":\"V1StGXR8_Z\",\"user\":\"7\",\"clients\":17}\nid: @o3v\n\n", "7")]
    [TestCase(false, nameof(Envelope.None), "event: leave\ndata: {\"left\":\"V1StGXR8_Z\",\"clients\":17}\nid: @o3v\n\n")]
    [TestCase(true, nameof(Envelope.Channel), "event: join\ndata: {\"channel\":\"b\",\"data\":{\"joined\":\"V1StGXR8_Z\",\"clients\":17}}\nid: @o3v\n\n")]
    public void A_join_and_a_leave_say_who_and_how_many_are_here_and_can_be_resumed_from(bool hasJoined, string envelope, string frame, string? user = null) => Assert.That(
        Written(output => SseFrame.WritePresence(output, hasJoined, "V1StGXR8_Z", user, 17, "b", "@o3v", Enum.Parse<Envelope>(envelope))),
        Is.EqualTo(frame));

    [TestCase("abc", "abc")]
    [TestCase("a\"\\\n\u0001é", "a\\\"\\\\\\n\\u0001é")]
    public void A_gap_quotes_whatever_the_client_sent(string id, string quoted) =>
        Assert.That(
            Written(output => SseFrame.WriteGap(output, id, Envelope.None)),
            Is.EqualTo($"event: gap\ndata: {{\"lastEventId\":\"{quoted}\"}}\n\n"));

    [Test]
    public void Any_text_comes_out_of_a_parser_as_it_went_in_however_its_bytes_are_split()
    {
        // Line breaks, and what other software takes for line breaks, far more often than by chance.
        var piece = Gen.OneOf(
            Gen.Elements("\n", "\r", "\r\n", "\n\n", "\u2028", "\u0085", "\f", "\0", " ", ":", "data: ", "id: x", "\uFEFF", "é", "😀", ""),
            ArbMap.Default.GeneratorFor<string?>().Select(text => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""))));
        var texts = piece.ListOf().Select(string.Concat).ToArbitrary();
        Prop.ForAll(texts, ArbMap.Default.ArbFor<PositiveInt>(), (text, split) =>
        {
            var items = Parse(Encoding.UTF8.GetBytes(Frame(text, "alert", "i") + Frame("next", null, "j")), split.Get);
            Assert.That(items, Has.Count.EqualTo(2));
            Assert.That(items[0].Data, Is.EqualTo(text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n')));
            Assert.That(items[0].EventType, Is.EqualTo("alert"));
            Assert.That(items[1].Data, Is.EqualTo("next"));
        }).QuickCheckThrowOnFailure();
    }

    private static string Frame(string data, string? type, string id)
    {
        Assert.That(SseEvent.TryCreate(Encoding.UTF8.GetBytes(data), type, id, retry: null, channels: null, out var sseEvent, out var problem), Is.True, problem);
        return Written(output => SseFrame.WriteEvent(output, sseEvent!, id));
    }

    private static string Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static List<SseItem<string>> Parse(byte[] bytes, int split)
    {
        using var stream = new Pieces(bytes, split);
        return [.. SseParser.Create(stream).Enumerate()];
    }

    /// <summary>A stream that hands out only so many bytes at a time.</summary>
    private sealed class Pieces(byte[] bytes, int size) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(size, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(size, count));
    }
}
