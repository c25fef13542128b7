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

    /// <summary>However many tokens name a key that is not known, or none: they wait for the next time.</summary>
    public TimeSpan Shortest { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For one answer, or for the two of a provider together.</summary>
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
    private readonly string _name = address.GetLeftPart(UriPartial.Path);
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = !address.IsLoopback })
    {
        Timeout = Timeout.InfiniteTimeSpan,
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

    /// <summary>
    /// Asks again, once for all who want to know, and not too soon. Ends when the answer is there, or none will be, and returns when that
    /// was asked, as a timestamp of <see cref="Stopwatch"/>: what has come later may know of newer keys.
    /// </summary>
    public async Task<long> AskAsync()
    {
        Task asking;
        lock (_lock)
            asking = _asking = _asking.IsCompleted && !_stop.IsCancellationRequested ? Task.Run(ReadAsync) : _asking;

        await asking;
        return _stop.IsCancellationRequested ? long.MaxValue : Volatile.Read(ref _asked);
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

    [SuppressMessage("Design", "CA1031", Justification = "Nothing that a server sends may end the asking.")]
    private async Task ReadAsync()
    {
        string? problem;
        try
        {
            var rest = _asked == 0 ? TimeSpan.Zero : times.Shortest - Stopwatch.GetElapsedTime(_asked);
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, _stop.Token);

            Volatile.Write(ref _asked, Stopwatch.GetTimestamp());
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(times.Patience);
            problem = await FindAsync(limit.Token);
        }
        catch (Exception e)
        {
            problem = e is OperationCanceledException ? "there is no answer in time" : e.GetBaseException().Message;
        }

        IsCertain = problem is null;
        if (problem is not null && !_stop.IsCancellationRequested)
        {
            var known = Current.Keys.Count == 0 ? "until then no token of theirs counts" : "those that are known still count";
            log.Often(LogLevel.Warning, "keys", $"the keys at {_name} cannot be read, {known}: {problem}");
        }
    }

    // Reads the keys, or returns why there are none.
    private async Task<string?> FindAsync(CancellationToken limit)
    {
        var (bytes, named) = (await _http.GetByteArrayAsync(address, limit), issuer);
        using var document = JsonDocument.Parse(Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF'));
        if (document.RootElement.TryGetProperty("jwks_uri", out var place))
        {
            // OpenID Connect Discovery 1.0, section 4.3: otherwise one provider could speak for another.
            named = document.RootElement.TryGetProperty("issuer", out var name) ? name.GetString() : null;
            if (named is null || named != (issuer ?? named))
                return $"the issuer there is {named ?? "missing"}{(issuer is null ? "" : $", and --jwt-issuer is {issuer}")}";

            if (!KeySet.TryReadAddress(place.GetString(), out var keysAddress))
                return $"jwks_uri is no https address: {place}";

            bytes = await _http.GetByteArrayAsync(keysAddress, limit);
        }

        if (!KeySet.TryParse(bytes, out var keys, out var problem))
            return $"a set of keys, of which {problem}";

        var (before, now) = (NamesOf(Current.Keys), NamesOf(keys));
        Current = new(named, keys);
        if (before != now)
            log.Info($"the keys at {_name} are {now}");

        return null;
    }

    private static string NamesOf(IReadOnlyList<TokenKey> keys) =>
        string.Join(", ", keys.Select(key => $"{key.Id ?? "one without a name"} ({string.Join(" or ", key.Algorithms)})"));
}
