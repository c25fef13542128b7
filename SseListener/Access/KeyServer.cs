using System.Text.Json;
using SseListener.Log;

namespace SseListener.Access;

/// <summary>Keys, and the issuer whose tokens they verify; null for every one that may be.</summary>
internal sealed record IssuerKeys(string? Issuer, IReadOnlyList<TokenKey> Keys);

/// <summary>How often a server of keys is asked, and how long for. Only tests change it.</summary>
internal sealed record KeyTimes
{
    /// <summary>After this time keys that were taken back no longer count.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>However many tokens name a key that is not known, or none.</summary>
    public TimeSpan Shortest { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// The keys that an address has, or that an OpenID provider points to (OpenID Connect Discovery 1.0, section 4). They are asked for at the
/// start, from time to time, and when a token names one that is not known. While that fails, the last good ones count.
/// </summary>
/// <remarks>
/// The library's ConfigurationManager refuses the first token that a new key has signed, because it asks only then and in the background;
/// to an EventSource that is final.
/// </remarks>
internal sealed class KeyServer(Uri address, string? issuer, KeyTimes times, LogWriter log) : IDisposable
{
    private const int LargestSet = 512 * 1024;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = times.Patience,
        MaxResponseContentBufferSize = LargestSet,
    };

    private Task _asking = Task.CompletedTask;
    private long _asked;

    /// <summary>The newest keys; none before there were any.</summary>
    public IssuerKeys Current { get; private set => Volatile.Write(ref field, value); } = new(issuer, []);

    /// <summary>Whether the last answer was good, so that a key that is not among them is none.</summary>
    public bool IsCertain { get; private set => Volatile.Write(ref field, value); }

    /// <summary>Asks at once, and keeps asking until this is disposed.</summary>
    public void Start() => _ = RunAsync();

    /// <summary>Asks again, unless that was done a moment ago; ends when the answer is there, or none will be.</summary>
    public Task AskAsync()
    {
        lock (_lock)
        {
            if (!_asking.IsCompleted || (_asked != 0 && Stopwatch.GetElapsedTime(_asked) < times.Shortest) || _stop.IsCancellationRequested)
                return _asking;

            _asked = Stopwatch.GetTimestamp();
            return _asking = Task.Run(ReadAsync);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _http.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(times.Shortest);
        try
        {
            do
            {
                if (!IsCertain || Stopwatch.GetElapsedTime(_asked) > times.Longest)
                    await AskAsync();
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The server stops.
        }
    }

    private async Task ReadAsync()
    {
        string? problem;
        try
        {
            problem = await FindAsync();
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or InvalidOperationException)
        {
            problem = e is OperationCanceledException ? "there is no answer in time" : e.GetBaseException().Message;
        }

        IsCertain = problem is null;
        if (problem is not null && !_stop.IsCancellationRequested)
        {
            var known = Current.Keys.Count == 0 ? "until then no token of theirs counts" : "those that are known still count";
            log.Often(LogLevel.Warning, "keys", $"the keys at {address} cannot be read, {known}: {problem}");
        }
    }

    // Reads the keys, or returns why there are none.
    private async Task<string?> FindAsync()
    {
        var (bytes, named) = (await _http.GetByteArrayAsync(address, _stop.Token), issuer);
        using var document = JsonDocument.Parse(bytes);
        if (document.RootElement.TryGetProperty("jwks_uri", out var place))
        {
            // OpenID Connect Discovery 1.0, section 4.3: otherwise one provider could speak for another.
            named = document.RootElement.TryGetProperty("issuer", out var name) ? name.GetString() : null;
            if (named is null || named != (issuer ?? named))
                return $"the issuer there is {named ?? "missing"}{(issuer is null ? "" : $", and --jwt-issuer is {issuer}")}";

            if (!KeySet.TryReadAddress(place.GetString(), out var keysAddress))
                return $"jwks_uri is no https address: {place}";

            bytes = await _http.GetByteArrayAsync(keysAddress, _stop.Token);
        }

        if (!KeySet.TryParse(bytes, out var keys, out var problem))
            return $"a set of keys, of which {problem}";

        var (before, now) = (NamesOf(Current.Keys), NamesOf(keys));
        Current = new(named, keys);
        if (before != now)
            log.Info($"the keys at {address} are {now}");

        return null;
    }

    private static string NamesOf(IReadOnlyList<TokenKey> keys) =>
        string.Join(", ", keys.Select(key => $"{key.Id ?? "one without a name"} ({string.Join(" or ", key.Algorithms)})"));
}
