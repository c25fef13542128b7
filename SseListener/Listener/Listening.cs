using System.Net;
using System.Net.Sockets;
using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// The HttpListener, and what has to be done around it so that nobody on the network can make it grow or fall: newcomers are kept away
/// while descriptors are short, and what it leaks is taken from it.
/// </summary>
internal sealed class Listening : IDisposable
{
    // At 30,000 connects a second about every other attempt fails.
    private const int MostAttempts = 100;

    private readonly Lock _lock = new();
    private readonly HttpListener _listener = new();
    private readonly List<object> _ports = [];
    private readonly ListenerOptions _options;
    private readonly string[] _names;
    private readonly bool _knowsConnections;
    private readonly Func<HttpListenerContext, Task> _handle;
    private readonly ListeningSocket _socket;
    private readonly LogWriter _log;
    private bool _isMuted;
    private bool _isStopped;

    /// <summary>Prepares to listen.</summary>
    /// <param name="options">The host and the port.</param>
    /// <param name="handle">Answers a request; it may throw nothing.</param>
    /// <param name="log">Takes what happens here.</param>
    public Listening(ListenerOptions options, Func<HttpListenerContext, Task> handle, LogWriter log)
    {
        _options = options;
        _names = options.Host == "localhost" ? ["localhost", "127.0.0.1"] : [options.Host];
        _knowsConnections = options.UsesPrivateNames && ConnectionSocket.IsKnown;
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
        _socket.Tune();
        _ = AcceptAsync();
    }

    /// <summary>Whether somebody else has the port.</summary>
    public static bool IsTaken(Exception e) => e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }
        || e.Message.Contains("in use", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether the server answers to this name. To no other, which also keeps out pages whose own name was pointed at this machine
    /// (DNS rebinding).
    /// </summary>
    /// <param name="host">The host of a request, in lower case.</param>
    public bool AnswersTo(string host) => _options.Host == "+" || _names.Contains(host.TrimEnd('.'));

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting() => _socket.Waiting();

    /// <summary>Takes a request from the listener that it has refused by itself, and would never let go of: 13 KB each, measured.</summary>
    public void Forget(HttpListenerContext context)
    {
        if (_knowsConnections)
        {
            ConnectionSocket.Forget(context);
        }
    }

    /// <summary>
    /// Takes all requests that wait to be taken, on a thread that is not the pool's. HttpListener reads requests on the pool's threads and
    /// queues them without a limit: POSTs without a length, which hold no descriptor, came in faster than the pool took them from there.
    /// </summary>
    public void TakeWaiting()
    {
        while (_knowsConnections && ConnectionSocket.NextOf(_listener) is { } context)
        {
            if (RefusedByListener.Is(context.Request))
            {
                _ = _handle(context);
            }
            else
            {
                _ = Task.Run(() => _handle(context));
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
                _socket.Unmute();
                _isMuted = false;
                _log.Often(LogLevel.Warning, "open for newcomers", "open for newcomers again");
            }

            return true;
        }
    }

    /// <summary>Closes the listener and every connection of its.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            _ports.ForEach(ConnectionSocket.ClosePort);
            _listener.Close();
        }
    }

    // The next request is waited for before this one is handled: closing an answer may block for as long as the connection's
    // next request likes, when HttpListener refuses that by itself.
    private async Task AcceptAsync()
    {
        HttpListenerContext? context = null;
        while (context is null && _listener.IsListening)
        {
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // The listener's way to say that it is closing.
            }
        }

        if (context is not null)
        {
            _ = AcceptAsync();
            _ = _handle(context);
        }
    }

    private void Mute()
    {
        if (!_isMuted)
        {
            _isMuted = true;
            _log.Often(LogLevel.Warning, "closed for newcomers", $"the {Descriptors.Limit} file descriptors are nearly used up: closed for newcomers");
        }

        _socket.Mute();
    }

    // Everybody coming back at once is when connections arrive while HttpListener opens its port. It answers 404 to requests that
    // come before it knows its own prefixes, and after a 404 an EventSource never comes back. So none are read until then.
    private void Open()
    {
        using var pause = new PoolPause();
        if (_knowsConnections)
        {
            OpenPorts();
            return;
        }

        // A prefix matches the Host header, and 127.0.0.1 is another host than localhost.
        foreach (var name in _names)
        {
            Open(() => _listener.Prefixes.Add($"http://{name}:{_options.Port}/"));
        }
    }

    // Of the addresses of a name, and of the two families, a machine may lack some.
    private void OpenPorts()
    {
        var addresses = _options.Host switch
        {
            "+" => (IPAddress[])[IPAddress.Any, IPAddress.IPv6Any],
            "localhost" => [IPAddress.Loopback, IPAddress.IPv6Loopback],
            var name => Dns.GetHostAddresses(name),
        };
        SocketException? missing = null;
        foreach (var address in addresses)
        {
            try
            {
                Open(() => _ports.Add(ConnectionSocket.OpenPort(_listener, new IPEndPoint(address, _options.Port))));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
                missing = e;
                _log.Debug($"this machine has no address {address}");
            }
        }

        if (missing is not null && _ports.Count == 0)
        {
            throw missing;
        }
    }

    // HttpListener accepts even before its own fields are set, and throws. Of 20 starts under 30,000 connects a second, 10 ended so. Nobody
    // holds the socket of such a port any more, nor the connection's: collecting them closes them. Until then it is we who have the port.
    private void Open(Action open)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                open();
                return;
            }
            catch (Exception e) when (attempt < MostAttempts && (e is ArgumentNullException || (attempt > 1 && IsTaken(e))))
            {
                _log.Debug("a connection arrived while the port was being opened: once more");
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }
}
