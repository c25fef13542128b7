using SseListener.Access;

namespace SseListener.Http;

/// <summary>Bounds the clients: in all, and at one address (of IPv6, in one network of 64 bits).</summary>
internal sealed class ClientSlots(ServerOptions options)
{
    private readonly ConcurrentDictionary<IPAddress, int> _atAddress = new();
    private int _taken;

    /// <summary>Where a request comes from, by the other end of its connection and its field X-Forwarded-For.</summary>
    public IPAddress AddressOf(IPAddress peer, string? forwarded)
    {
        // The last address is the one that the proxy itself has seen; those before it are what its client claims. Of several fields
        // HttpListener keeps the last, which has the end of what is one list (RFC 9110, section 5.3).
        var isTrusted = options.TrustProxy && IPAddress.IsLoopback(peer);
        var address = isTrusted && IPAddress.TryParse(forwarded?.Split(',')[^1].Trim(), out var client) ? client : peer;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    /// <summary>Takes a slot; false leaves the <paramref name="refusal"/>.</summary>
    public bool TryAcquire(IPAddress address, [NotNullWhen(false)] out Refusal? refusal)
    {
        var most = options.MaxClientsPerAddress;
        refusal = null;
        if (Interlocked.Increment(ref _taken) > options.MaxClients)
        {
            Interlocked.Decrement(ref _taken);
            refusal = Refusal.Later(503, "client_limit", $"{options.MaxClients} clients are connected already (--max-clients).");
        }
        else if (most > 0 && _atAddress.AddOrUpdate(NetworkOf(address), 1, static (_, clients) => clients + 1) > most)
        {
            Release(address);
            refusal = Refusal.Later(
                429, "address_limit", $"{most} clients of this address are connected already (--max-clients-per-address).");
        }

        return refusal is null;
    }

    public void Release(IPAddress address)
    {
        Interlocked.Decrement(ref _taken);
        var network = NetworkOf(address);
        if (options.MaxClientsPerAddress > 0 && _atAddress.AddOrUpdate(network, 0, static (_, clients) => clients - 1) == 0)
            _atAddress.TryRemove(new(network, 0));
    }

    // Each line of IPv6 has 2^64 addresses at least, of which its owner may use a new one for each client (RFC 6177).
    private static IPAddress NetworkOf(IPAddress address) => address.AddressFamily is AddressFamily.InterNetworkV6
        ? new IPAddress([.. address.GetAddressBytes().AsSpan(0, 8), .. new byte[8]])
        : address;
}
