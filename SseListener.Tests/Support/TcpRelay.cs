using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace SseListener.Tests.Support;

/// <summary>A network between a hub and its servers, which can be cut or held up.</summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private readonly Uri _target;
    private readonly TcpListener _listener = new(IPAddress.Loopback, TestServer.FreePort());
    private readonly ConcurrentBag<TcpClient> _connections = [];
    private readonly Task _accepting;
    private volatile TaskCompletionSource _open = new();
    private volatile bool _isCut;

    public TcpRelay(string target)
    {
        _target = new Uri(target);
        _open.SetResult();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Ends all connections, and each new one at once.</summary>
    public void Cut()
    {
        _isCut = true;
        foreach (var connection in _connections)
            connection.Close();
    }

    public void Mend() => _isCut = false;

    /// <summary>Holds up what the servers send.</summary>
    public void Hold() => _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release() => _open.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Cut();
        Release();
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                if (_isCut)
                    client.Close();
                else
                    _ = RelayAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task RelayAsync(TcpClient client)
    {
        using var server = new TcpClient();
        _connections.Add(client);
        _connections.Add(server);
        try
        {
            await server.ConnectAsync(_target.Host, _target.Port);
            await Task.WhenAny(PumpAsync(client, server, isHeld: false), PumpAsync(server, client, isHeld: true));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It was cut.
        }

        client.Close();
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool isHeld)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer) is var length and > 0)
            {
                if (isHeld)
                    await _open.Task;

                await to.GetStream().WriteAsync(buffer.AsMemory(0, length));
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It was cut.
        }
    }
}
