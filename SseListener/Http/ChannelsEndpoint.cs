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
internal sealed class ChannelsEndpoint(
    ServerOptions options, EventHub hub, Roster roster, Neighbours? neighbours, Permissions access, Responses responses)
{
    /// <summary>What the path of a channel begins with; its name follows.</summary>
    public const string ChannelPath = "/channels/";

    private const int MostMembers = 1000;
    private const int MostListed = 200;
    private const int MostAtOnce = 128; // Names that the hub's writer finds while publishers wait, in 50 us.
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

        var (listable, refusal) = await access.CheckListAsync(exchange, prefix);
        if (refusal is not null)
            return refusal;

        if (await FindAsync(prefix, after, listable) is not { } names)
            return Refusal.Stopping;

        var listed = names.Take(MostListed).Select(JsonText.Quote).ToList();
        var next = names.Count > listed.Count ? $",\"next\":{listed[^1]}" : "";
        await responses.SendTextAsync(exchange, "application/json", $$"""{"channels":[{{string.Join(',', listed)}}]{{next}}}""");
        return null;
    }

    /// <summary>Tells another hub who of this one is on a channel.</summary>
    public async Task<Attendance> AttendAsync(string channel) => AttendanceOf(await hub.InspectAsync(channel));

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
        var who = options.PresenceLimit > 0 ? Describe(Attendance.Sum([AttendanceOf(state), .. elsewhere])) : "";
        var position = hub.Positions.Encode(state.Place, moment);
        return $$"""{"channel":"{{name}}",{{who}}"events":{{state.Events}},"bytes":{{state.Bytes}},"position":"{{position}}"}""";
    }

    private Attendance AttendanceOf(ChannelState? state) =>
        state?.Channel is { } channel ? roster.Describe(channel, _mostMembers) : new Attendance(0, 0, []);

    private string Describe(Attendance all)
    {
        var named = string.Join(',', all.Members.Take(_mostMembers).Select(Describe));
        return $"\"clients\":{all.Clients},\"users\":{all.Users},\"members\":[{named}],";
    }

    private static string Describe(Member member) => member.User is { } user
        ? $$"""{"client":"{{member.Client}}","user":{{JsonText.Quote(user)}}}""" : $$"""{"client":"{{member.Client}}"}""";

    // One more than are listed, if there are more; null when the hub has stopped.
    private async Task<List<string>?> FindAsync(string prefix, string after, ListableChannels? listable)
    {
        List<string> found = [];
        var from = listable is null ? null : Next(after);
        while (from is not null && found.Count <= MostListed)
        {
            if (await hub.FindNamesAsync(prefix, from, MostAtOnce) is not { } here)
                return null;

            var names = ChannelNames.Merge([here, neighbours?.FindNames(prefix, from, MostAtOnce) ?? []], MostAtOnce);
            found.AddRange(names.Where(listable!.Includes));

            // Private channels may be many, and are not gone through.
            from = names.Count < MostAtOnce ? null : listable.Includes(names[^1]) ? Next(names[^1]) : listable.Behind(names[^1]);
        }

        return found;
    }

    // The text that follows on a name, or an empty one, in the order of names.
    private static string Next(string name) => name + char.MinValue;
}
