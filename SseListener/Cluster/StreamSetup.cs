using System.Buffers.Text;
using System.Security.Cryptography;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>Finds the stream, or creates it, at a hub's start, and tells what it does not do as was asked.</summary>
internal sealed class StreamSetup(NatsJSContext stream, ClusterOptions options, HubLimits limits, LogWriter log)
{
    /// <summary>The error code of a server without a cluster that is asked for several replicas.</summary>
    public const int StandsAlone = 10074;
    private const string KeyMark = "SseListener log, positions key ";
    private const long LeastBytes = 64 * 1024 * 1024; // However small the history is: hubs judge by the last messages.
    private const int NoSuchStream = 10059;
    private const int NameInUse = 10058;
    private static readonly TimeSpan _settles = TimeSpan.FromSeconds(2);
    private static readonly Version _oldestSafe = new(2, 10, 23);

    /// <summary>The state of the stream.</summary>
    /// <exception cref="NatsJSException">It cannot be found or created now.</exception>
    public async Task<StreamInfo> FindOrCreateAsync(CancellationToken limit)
    {
        try
        {
            return await SettleAsync(await FindAsync(limit), limit);
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode == NoSuchStream)
        {
            await CreateAsync(limit);
            return await SettleAsync(await FindAsync(limit), limit);
        }
    }

    /// <summary>The key of positions, which all hubs of the stream share; null when no hub has created the stream.</summary>
    public static byte[]? KeyOf(StreamInfo info) =>
        info.Config.Description is { } text && text.StartsWith(KeyMark, StringComparison.Ordinal)
            && Base64Url.DecodeFromChars(text.AsSpan(KeyMark.Length)) is { Length: PositionCipher.KeySize } key ? key : null;

    /// <summary>Why the stream is no log for hubs; null when it is one.</summary>
    public string? ProblemOf(StreamInfo info) =>
        KeyOf(info) is null ? $"The stream {options.Stream} was not created by a hub; --cluster-stream names another one."
        : info.Config.Retention is not StreamConfigRetention.Limits || info.Config.NoAck || info.Config.Sealed
            ? $"The stream {options.Stream} is no log: it must keep messages up to its limits, acknowledge them, and not be sealed."
        : null;

    /// <summary>Logs where the stream or the servers differ from what was asked for.</summary>
    public void Warn(StreamInfo info, string serverVersion)
    {
        var (kept, wanted) = (info.Config, Wanted(key: null));
        WarnIf(kept.NumReplicas < wanted.NumReplicas, $"{kept.NumReplicas} replicas, and not {wanted.NumReplicas}");
        WarnIf(kept.MaxBytes != wanted.MaxBytes, $"up to {kept.MaxBytes} bytes, and not {wanted.MaxBytes} (--history)");
        WarnIf(kept.MaxAge != wanted.MaxAge, $"messages for {kept.MaxAge}, and not {wanted.MaxAge} (--history-age)");
        WarnIf(kept.Storage != wanted.Storage, "its messages in memory, and not in files");
        if (Version.TryParse(serverVersion.Split('-')[0], out var version) && version < _oldestSafe)
        {
            log.Warning($"nats-server {serverVersion}: before {_oldestSafe} a server that is killed at a bad moment may lose a stream; "
                + "with several replicas the others still have it");
        }
    }

    private async Task<StreamInfo> FindAsync(CancellationToken limit) =>
        (await stream.GetStreamAsync(options.Stream, cancellationToken: limit)).Info;

    // Hubs that start together may each create the stream, with another key: of several servers one may still show what another replaces.
    private async Task<StreamInfo> SettleAsync(StreamInfo info, CancellationToken limit)
    {
        while (info.Cluster is not null && (DateTimeOffset.UtcNow - info.Created).Duration() < _settles)
        {
            await Task.Delay(_settles / 4, limit);
            info = await FindAsync(limit);
        }

        return info;
    }

    private void WarnIf(bool differs, string what)
    {
        if (differs)
            log.Warning($"the stream {options.Stream} keeps {what}; an existing one is changed with: nats stream edit");
    }

    private async Task CreateAsync(CancellationToken limit)
    {
        try
        {
            await stream.CreateStreamAsync(Wanted(RandomNumberGenerator.GetBytes(PositionCipher.KeySize)), limit);
            log.Info($"created the stream {options.Stream}");
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode == NameInUse)
        {
            // It exists, with another configuration: another hub was first.
        }
    }

    private StreamConfig Wanted(byte[]? key) => new(options.Stream, [options.Subject])
    {
        Description = key is null ? null : KeyMark + Base64Url.EncodeToString(key),
        Retention = StreamConfigRetention.Limits,
        Discard = StreamConfigDiscard.Old,
        Storage = StreamConfigStorage.File,
        NumReplicas = options.Replicas,
        MaxBytes = Math.Max(limits.AllBytes, LeastBytes),
        MaxAge = limits.LongestAge,
    };
}
