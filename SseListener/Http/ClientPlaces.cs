using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace SseListener.Http;

/// <summary>How many clients there may be: in all, and at one address.</summary>
internal sealed class ClientPlaces(ServerOptions options)
{
    private readonly ConcurrentDictionary<IPAddress, int> _atAddress = new();
    private int _taken;

    /// <summary>Where a request comes from.</summary>
    public IPAddress AddressOf(Exchange exchange)
    {
        // The last address is the one that the proxy itself has seen; those before it are what its client claims. Fields of one name
        // are one list, and the proxy's own is its end (RFC 9110, section 5.3).
        var peer = exchange.Connection.Remote.Address;
        var forwarded = exchange.Request.Headers["X-Forwarded-For"]?.Split(',')[^1].Trim();
        var isTrusted = options.TrustProxy && IPAddress.IsLoopback(peer);
        var address = isTrusted && IPAddress.TryParse(forwarded, out var client) ? client : peer;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    /// <summary>Takes a place; false leaves the <paramref name="refusal"/>.</summary>
    public bool TryTake(IPAddress address, [NotNullWhen(false)] out Refusal? refusal)
    {
        var most = options.MaxClientsPerAddress;
        refusal = Interlocked.Increment(ref _taken) > options.MaxClients ? Refusal.Later(503, $"{options.MaxClients} clients are connected already.")
            : most > 0 && _atAddress.AddOrUpdate(address, 1, static (_, clients) => clients + 1) > most ? Refusal.Later(429, $"{most} clients of this address are connected already.")
            : null;
        if (refusal?.Status == 503)
        {
            Interlocked.Decrement(ref _taken);
        }
        else if (refusal is not null)
        {
            Release(address);
        }

        return refusal is null;
    }

    /// <summary>Gives a place back.</summary>
    public void Release(IPAddress address)
    {
        Interlocked.Decrement(ref _taken);
        if (options.MaxClientsPerAddress > 0 && _atAddress.AddOrUpdate(address, 0, static (_, clients) => clients - 1) == 0)
        {
            _atAddress.TryRemove(new(address, 0));
        }
    }
}
