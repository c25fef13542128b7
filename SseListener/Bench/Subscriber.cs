using System.Diagnostics;
using System.Net.Sockets;

namespace SseListener.Bench;

/// <summary>
/// One connection that receives, and checks that every event of the run comes once and in order. A raw socket with one receive under
/// way: no stream, no task, nothing allocated per event.
/// </summary>
internal sealed class Subscriber : IDisposable
{
    private const int BufferSize = 16 * 1024;

    private readonly Run _run;
    private readonly Socket _socket;
    private readonly SocketAsyncEventArgs _receive = new();
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly ulong[] _seen;
    private int _kept;
    private int _next;
    private bool _isOpen;

    /// <summary>Connects, sends the request and begins to receive.</summary>
    /// <exception cref="BenchException">The server cannot be reached.</exception>
    public Subscriber(Run run, Target target, byte[] request)
    {
        _run = run;
        _seen = new ulong[(run.Events + 63) / 64];
        _receive.Completed += (_, _) => Receive(isCompleted: true);
        _socket = target.Connect();
        _socket.Send(request);
        Receive(isCompleted: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _receive.Dispose();
    }

    private void Receive(bool isCompleted)
    {
        try
        {
            // Only what is not read to its end is kept, which is less than a marker and a number.
            while (isCompleted ? Take(_receive.BytesTransferred) : true)
            {
                _receive.SetBuffer(_buffer, _kept, _buffer.Length - _kept);
                isCompleted = !_socket.ReceiveAsync(_receive);
                if (!isCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The run is over.
        }
    }

    private bool Take(int count)
    {
        if (count == 0 || _receive.SocketError != SocketError.Success)
        {
            _run.CountClosed();
            return false;
        }

        if (!_isOpen)
        {
            // The head and the first bytes of the body come at once from every server; a status line alone is no stream yet.
            _isOpen = true;
            _run.CountOpen(_buffer.AsSpan(0, _kept + count));
        }

        _run.CountBytes(count);
        Read(_buffer.AsSpan(0, _kept + count), Stopwatch.GetTimestamp());
        return true;
    }

    private void Read(Span<byte> bytes, long now)
    {
        var rest = bytes;
        for (int at; (at = rest.IndexOf(_run.Marker)) >= 0;)
        {
            var digits = rest[(at + _run.Marker.Length)..];
            var end = digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (end < 0)
            {
                Keep(rest[at..]);
                return;
            }

            if (int.TryParse(digits[..end], out var number) && number < _run.Events)
            {
                Check(number, now);
            }

            rest = digits[end..];
        }

        Keep(rest.Length < _run.Marker.Length ? rest : rest[^(_run.Marker.Length - 1)..]);
    }

    private void Keep(Span<byte> rest)
    {
        // A number that fills the buffer is no number of ours.
        _kept = rest.Length < _buffer.Length / 2 ? rest.Length : 0;
        rest[..Math.Min(_kept, rest.Length)].CopyTo(_buffer);
    }

    private void Check(int number, long now)
    {
        ref var seen = ref _seen[number / 64];
        var bit = 1UL << (number % 64);
        if ((seen & bit) != 0)
        {
            _run.CountDouble();
            return;
        }

        seen |= bit;
        if (number < _next)
        {
            _run.CountDisorder();
        }

        _next = Math.Max(_next, number + 1);
        _run.CountDelivery(number, now);
    }
}
