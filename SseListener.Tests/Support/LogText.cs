using System.Text;

namespace SseListener.Tests.Support;

/// <summary>What a server has logged, to be read while its log's thread writes.</summary>
internal sealed class LogText : TextWriter
{
    private readonly Lock _lock = new();
    private readonly StringBuilder _text = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void WriteLine(string? value)
    {
        lock (_lock)
            _text.AppendLine(value);
    }

    public override string ToString()
    {
        lock (_lock)
            return _text.ToString();
    }
}
