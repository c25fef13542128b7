namespace SseListener.Events;

/// <summary>How many clients and users are on a channel, and some of them by name.</summary>
internal sealed record Attendance(int Clients, int Users, IReadOnlyList<Member> Members)
{
    /// <summary>Adds up those of several hubs. A user that is named by more than one of them counts once.</summary>
    public static Attendance Sum(IReadOnlyList<Attendance> hubs)
    {
        List<Member> members = [.. hubs.SelectMany(hub => hub.Members)];
        var again = hubs.Sum(hub => CountUsers(hub.Members)) - CountUsers(members);
        return new Attendance(hubs.Sum(hub => hub.Clients), hubs.Sum(hub => hub.Users) - again, members);
    }

    private static int CountUsers(IEnumerable<Member> members) => members.Select(member => member.User).OfType<string>().Distinct().Count();
}

/// <summary>A client by its id, and its user, if that is known.</summary>
internal readonly record struct Member(string Client, string? User);
