using SseListener.Log;

namespace SseListener.Access;

/// <summary>
/// All keys by which tokens are verified. A key of <c>--jwt-key</c> counts for every issuer that may be; the n-th <c>--jwks</c> for the
/// n-th <c>--jwt-issuer</c>, or for all if there is none for it; and an issuer that has no keys otherwise is asked where they are.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    private readonly IReadOnlyList<string> _issuers;
    private readonly List<IssuerKeys> _given;
    private readonly List<KeyServer> _servers = [];

    public KeyRing(AccessOptions options, LogWriter log)
    {
        _issuers = options.JwtIssuer;
        _given = options.JwtKey.Count > 0 ? [new(Issuer: null, options.JwtKey)] : [];
        for (var i = 0; i < options.Jwks.Count; i++)
        {
            var (set, issuer) = (options.Jwks[i], _issuers.ElementAtOrDefault(i));
            if (set.Address is null)
                _given.Add(new(issuer, set.Keys));
            else
                Add(set.Address.OriginalString == issuer ? DiscoveryOf(issuer) : set.Address, issuer);
        }

        var asked = options.JwtKey.Count == 0 ? _issuers.Skip(options.Jwks.Count) : [];
        asked.ToList().ForEach(issuer => Add(DiscoveryOf(issuer), issuer));

        void Add(Uri address, string? issuer) => _servers.Add(new KeyServer(address, issuer, options.KeyTimes, log));
    }

    private IEnumerable<IssuerKeys> All => [.. _given, .. _servers.Select(server => server.Current)];

    public void Start() => _servers.ForEach(server => server.Start());

    public void Dispose() => _servers.ForEach(server => server.Dispose());

    /// <summary>Whether tokens of this issuer may count, or of none if it is null.</summary>
    public bool Knows(string? issuer) =>
        (_issuers.Count == 0 || _issuers.Contains(issuer)) && All.Any(keys => IsFor(keys, issuer));

    /// <summary>The keys that may have signed a token of this issuer that names this key (RFC 7515, section 4.1.4), or none.</summary>
    public List<TokenKey> Find(string? issuer, string? id) =>
        [.. All.Where(keys => IsFor(keys, issuer)).SelectMany(keys => keys.Keys).Where(key => id is null || (key.Id ?? id) == id)];

    /// <summary>Whether nobody can have more keys of this issuer than are known here.</summary>
    public bool AreCertain(string? issuer) => ServersOf(issuer).All(server => server.IsCertain);

    /// <summary>Asks those who may have more keys of this issuer, and returns when that was; null if there are none.</summary>
    public async Task<long?> AskAsync(string? issuer)
    {
        var asked = await Task.WhenAll(ServersOf(issuer).Select(server => server.AskAsync()));
        return asked.Length > 0 ? asked.Min() : null;
    }

    // Where an issuer says where its keys are (OpenID Connect Discovery 1.0, section 4).
    private static Uri DiscoveryOf(string issuer) => new(issuer.TrimEnd('/') + "/.well-known/openid-configuration");

    private IEnumerable<KeyServer> ServersOf(string? issuer) => _servers.Where(server => IsFor(server.Current, issuer));

    private static bool IsFor(IssuerKeys keys, string? issuer) => (keys.Issuer ?? issuer) == issuer;
}
