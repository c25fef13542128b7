using System.Threading.Channels;
using NATS.Client.Core;

namespace SseListener.Cluster;

/// <summary>The connection to the servers: to one of them at a time, and to another one when it is gone or silent.</summary>
internal static class ClusterConnection
{
    private static readonly TimeSpan _ping = TimeSpan.FromSeconds(1); // A server that is paused is known by two that are not answered.

    /// <summary>A connection that is not open yet.</summary>
    public static NatsConnection Create(ClusterOptions options) => new(new NatsOpts
    {
        Url = string.Join(',', options.Servers),
        Name = "SseListener",
        InboxPrefix = $"_INBOX.{options.Stream}",
        AuthOpts = new NatsAuthOpts
        {
            CredsFile = options.Creds,
            Username = UserOf(options),
            Password = options.Password ?? options.PasswordFile,
        },
        TlsOpts = new NatsTlsOpts
        {
            CaFile = options.Ca,
            CertFile = options.Cert,
            KeyFile = options.Key,
            Mode = (options.Ca ?? options.Cert) is not null ? TlsMode.Require : TlsMode.Auto,
        },
        PingInterval = _ping,
        MaxPingOut = 2,
        RequestTimeout = TimeSpan.FromSeconds(1),
        RequestReplyMode = NatsRequestReplyMode.Direct, // Cheaper than a subscription for each request.
        ConnectTimeout = TimeSpan.FromSeconds(2),
        ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
        ReconnectWaitMax = TimeSpan.FromSeconds(1),

        // Messages wait here rather than be dropped when the hub is slow; and a wrong password may be put right while the hub runs.
        SubPendingChannelFullMode = BoundedChannelFullMode.Wait,
        IgnoreAuthErrorAbort = true,
    });

    private static string? UserOf(ClusterOptions options) =>
        options.Servers.Select(server => new Uri(server).UserInfo).FirstOrDefault(user => user.Length > 0);
}
