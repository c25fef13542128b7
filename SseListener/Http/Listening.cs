using System.Net;
using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>
/// The HttpListener, and what has to be done around it so that nobody on the network can make it grow or fall:
/// newcomers are kept away while descriptors are short, and it is replaced when it has leaked too much.
/// </summary>
internal sealed class Listening : IDisposable
{
    // HttpListener never lets go of a request that it refused for want of a length: 13 KB each, measured. 4096 are 53 MB.
    private const int MostLeftovers = 4096;

    // At 30,000 connects a second about every other attempt fails.
    private const int MostAttempts = 100;

    private readonly Lock _lock = new();
    private readonly Lock _tuning = new();
    private readonly string[] _prefixes;
    private readonly Func<HttpListenerContext, Task> _handle;
    private readonly ListeningSocket _socket;
    private readonly Log _log;
    private HttpListener _listener = new();
    private HttpListener? _former;
    private int _leftovers;
    private int _openings;
    private int _tuned;
    private bool _isOpen = true;
    private bool _isMuted;
    private bool _isStopped;

    /// <summary>Prepares to listen.</summary>
    /// <param name="options">The host and the port.</param>
    /// <param name="handle">Answers a request; it may throw nothing.</param>
    /// <param name="log">Takes what happens here.</param>
    public Listening(ServerOptions options, Func<HttpListenerContext, Task> handle, Log log)
    {
        // A prefix matches the Host header, and 127.0.0.1 is another host than localhost. All other hosts get 404, which also
        // keeps out pages whose own name was pointed at this machine (DNS rebinding).
        string[] hosts = options.Host == "localhost" ? ["localhost", "127.0.0.1"] : [options.Host];
        _prefixes = [.. hosts.Select(name => $"http://{name}:{options.Port}/")];
        _socket = new ListeningSocket(options.Port, options.SendBuffer, log);
        _handle = handle;
        _log = log;
    }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="HttpListenerException">The address cannot be had.</exception>
    /// <exception cref="SocketException">The address cannot be had.</exception>
    /// <exception cref="ArgumentNullException">So many connections keep arriving that the port cannot be opened.</exception>
    public void Start()
    {
        _listener.Start();
        Open();
        Tune();
        _ = AcceptAsync(_listener);
    }

    /// <summary>Tunes the listening socket when it has been opened again. It looks at all descriptors, which may take long.</summary>
    public void Tune()
    {
        lock (_tuning)
        {
            var openings = Volatile.Read(ref _openings);
            if (_tuned != openings)
            {
                _socket.Tune();
                _tuned = openings;
            }
        }
    }

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting() => _socket.Waiting();

    /// <summary>Counts a request that the listener will never let go of; at some number another listener takes over.</summary>
    public void CountLeftover()
    {
        if (Interlocked.Increment(ref _leftovers) % MostLeftovers == 0)
        {
            lock (_lock)
            {
                Replace();
            }
        }
    }

    /// <summary>
    /// Keeps newcomers away while descriptors are short. To be called often: out of descriptors, HttpListener accepts in an endless
    /// recursion, and nothing can be begun that takes one, such as a thread (PoolThreads). Closing the port instead looks up names, which
    /// takes descriptors and long enough for the last of them to go.
    /// </summary>
    /// <param name="room">How many there are left.</param>
    /// <returns>False while they are short, and somebody has to go.</returns>
    public bool CheckDescriptors(int room)
    {
        lock (_lock)
        {
            if (_isStopped)
            {
                return true;
            }

            _socket.SetBacklog(room);
            if (room < (_isMuted ? Descriptors.Reserve * 5 / 4 : Descriptors.Reserve))
            {
                Mute();
                return false;
            }

            if (_isMuted)
            {
                Tune();
                _socket.Unmute();
                _isMuted = false;
                _log.Often(LogLevel.Warning, "open for newcomers", "open for newcomers again");
            }

            _isOpen = _isOpen || TryOpen();
            return true;
        }
    }

    /// <summary>Closes the listeners and every connection of theirs.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            _former?.Close();
            _listener.Close();
        }
    }

    // The next request is waited for before this one is handled: closing an answer may block for as long as the connection's
    // next request likes, when HttpListener refuses that by itself.
    private async Task AcceptAsync(HttpListener listener)
    {
        HttpListenerContext? context = null;
        while (context is null && listener.IsListening)
        {
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // The listener's way to say that it is closing.
            }
        }

        if (context is not null)
        {
            _ = AcceptAsync(listener);
            _ = _handle(context);
        }
    }

    // Connections that wait for their next request move along; streams stay with the former listener until it is closed in
    // its turn, when their clients reconnect and resume.
    private void Replace()
    {
        if (_isStopped || !_isOpen || _isMuted)
        {
            return;
        }

        _former?.Close();
        _former = _listener;
        _listener = new HttpListener();
        _listener.Start();
        _ = AcceptAsync(_listener);

        // Whatever is thrown: CheckDescriptors tries again.
        _isOpen = false;
        _isOpen = TryOpen();
        _log.Warning($"{MostLeftovers} requests without a length have leaked in the listener; another one has taken over");
    }

    private void Mute()
    {
        if (!_isMuted)
        {
            _isMuted = true;
            _log.Often(LogLevel.Warning, "closed for newcomers", $"the {Descriptors.Limit} file descriptors are nearly used up: closed for newcomers");
        }

        // Again and again, for the port may have been opened once more.
        Tune();
        _socket.Mute();
    }

    private bool TryOpen()
    {
        try
        {
            _former?.Prefixes.Clear();
            Open();
            return true;
        }
        catch (Exception e) when (e is HttpListenerException or SocketException or ArgumentNullException)
        {
            // No descriptors, or somebody else has the port for the moment; CheckDescriptors tries again.
            return false;
        }
    }

    // Everybody coming back at once is when connections arrive while HttpListener opens its port. It answers 404 to requests that
    // come before it knows its own prefixes, and after a 404 an EventSource never comes back. So none are read until then.
    private void Open()
    {
        try
        {
            using var pause = new PoolPause();
            foreach (var prefix in _prefixes)
            {
                Open(prefix);
            }
        }
        finally
        {
            // Also when only the first has been opened.
            Interlocked.Increment(ref _openings);
        }
    }

    // It accepts even before its own fields are set, and throws. Of 20 starts under 30,000 connects a second, 10 ended so.
    private void Open(string prefix)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // One that is still in the list may have been closed all the same.
                _listener.Prefixes.Remove(prefix);
                _listener.Prefixes.Add(prefix);
                return;
            }
            catch (ArgumentNullException) when (attempt < MostAttempts)
            {
                // Nobody holds the port's socket any more, nor the connection's: collecting them closes them.
                _log.Debug("a connection arrived while the port was being opened: once more");
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }
}
