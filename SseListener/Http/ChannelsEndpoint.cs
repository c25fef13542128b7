using SseListener.Access;
using SseListener.Cluster;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>
/// <c>GET /channels/NAME</c> tells who is on a channel and what is kept of it, and <c>GET /channels</c> which channels there are. A channel
/// that the request may not hear does not exist.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Nobody asks for its handle.")]
internal sealed class ChannelsEndpoint(
    ServerOptions options, EventHub hub, Roster roster, Neighbours? neighbours, Permissions access, Responses responses)
{
    /// <summary>What the path of a channel begins with; its name follows.</summary>
    public const string ChannelPath = "/channels/";

    private const int MostMembers = 1000;
    private const int MostListed = 200;
    private const int MostAtOnce = 128; // Names that the hub's writer finds while publishers wait, in 50 us.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _listing = new(1); // Names that may not be told have to be passed over, and may be many.
    private readonly int _mostMembers = Math.Min(options.PresenceLimit, MostMembers);

    public async Task<Refusal?> ShowAsync(Exchange exchange)
    {
        var name = exchange.Target.Path[ChannelPath.Length..];
        if (!ChannelNames.IsName(name))
            return Refusal.Of(400, $"{ChannelNames.Rule}. GET /channels?prefix=orders/ lists channels.");

        var (grant, refusal) = await access.CheckSubscribeAsync(exchange, []);
        if (grant is null)
            return refusal;

        var answer = grant.MayHear is { } mayHear && !mayHear(name) ? null : await DescribeAsync(name);
        if (answer is null)
            return hub.IsComplete ? Refusal.Stopping : Refusal.Of(404, "There is no channel with this name.");

        await responses.SendTextAsync(exchange, "application/json", answer);
        return null;
    }

    public async Task<Refusal?> ListAsync(Exchange exchange)
    {
        if (!Parameters.TryReadList(exchange.Target, out var prefix, out var after, out var problem))
            return Refusal.Of(400, problem);

        var (mayList, refusal) = await access.CheckListAsync(exchange, prefix);
        if (refusal is not null)
            return refusal;

        if (await FindAsync(prefix, after, mayList) is not { } names)
            return hub.IsComplete ? Refusal.Stopping : Refusal.Later(503, "list_limit", "Too many others ask for a list of channels.");

        var listed = names.Take(MostListed).Select(JsonText.Quote).ToList();
        var next = names.Count > listed.Count ? $",\"next\":{listed[^1]}" : "";
        await responses.SendTextAsync(exchange, "application/json", $$"""{"channels":[{{string.Join(',', listed)}}]{{next}}}""");
        return null;
    }

    /// <summary>Tells another hub who of this one is on a channel.</summary>
    public async Task<Attendance> AttendAsync(string channel) => Look(await hub.InspectAsync(channel));

    // Null when there is no such channel.
    private async Task<string?> DescribeAsync(string name)
    {
        // First the moment: a join or leave that comes while this looks is told again to a client that begins there.
        var moment = SteadyClock.Microseconds;
        if (await hub.InspectAsync(name) is not { } state)
            return null;

        if (state.Channel is null && neighbours?.ClientsOf(name) is null or 0)
            return null;

        var elsewhere = neighbours is null || options.PresenceLimit == 0 ? [] : await neighbours.AskWhoIsOnAsync(name);
        var who = options.PresenceLimit > 0 ? Describe(Attendance.Sum([Look(state), .. elsewhere])) : "";
        var position = hub.PositionOf(state.Place, moment);
        return $$"""{"channel":"{{name}}",{{who}}"events":{{state.Events}},"bytes":{{state.Bytes}},"position":"{{position}}"}""";
    }

    private Attendance Look(ChannelState? state) =>
        state?.Channel is { } channel ? roster.Look(channel, _mostMembers) : new Attendance(0, 0, []);

    private string Describe(Attendance all)
    {
        var named = string.Join(',', all.Members.Take(_mostMembers).Select(Describe));
        return $"\"clients\":{all.Clients},\"users\":{all.Users},\"members\":[{named}],";
    }

    private static string Describe(Member member) => member.User is { } user
        ? $$"""{"client":"{{member.Client}}","user":{{JsonText.Quote(user)}}}""" : $$"""{"client":"{{member.Client}}"}""";

    // One more than are listed, if there are more; null when that cannot be found out now.
    private async Task<List<string>?> FindAsync(string prefix, string after, Func<string, bool>? mayList)
    {
        List<string> found = [];
        if (mayList is null)
            return found;

        if (!await _listing.WaitAsync(_patience))
            return null;

        try
        {
            for (var isMore = true; isMore && found.Count <= MostListed;)
            {
                if (await hub.FindNamesAsync(prefix, after, MostAtOnce) is not { } here)
                    return null;

                var names = ChannelNames.Merge([here, neighbours?.FindNames(prefix, after, MostAtOnce) ?? []], MostAtOnce);
                found.AddRange(names.Where(mayList));
                isMore = names.Count == MostAtOnce;
                after = isMore ? names[^1] : after;
            }

            return found;
        }
        finally
        {
            _listing.Release();
        }
    }
}
