namespace SseListener.Cluster;

/// <summary>What a message tells: a join or leave; a part of all numbers of a hub, or their end; or that the hub is gone.</summary>
internal enum PresenceKind { Join, Leave, Numbers, NumbersEnd, Gone }

/// <summary>
/// What a hub tells the others of its clients: <c>HUB KIND SUBJECT</c>, and a line <c>CHANNEL CLIENTS</c> for each channel that it tells
/// of. The subject is the client, if it is about one, and behind it stands its user, if that is known.
/// </summary>
internal sealed record PresenceMessage(
    string Hub, PresenceKind Kind, string Subject, string? User, IReadOnlyList<(string Channel, int Clients)> Counts)
{
    private const int MostClients = 1_000_000; // Of a hub, and many times more than it can have.

    public override string ToString()
    {
        var text = new StringBuilder($"{Hub} {Kind} {PresenceSubject.Write(Subject, User)}");
        foreach (var (channel, clients) in Counts)
            text.Append(CultureInfo.InvariantCulture, $"\n{channel} {clients}");

        return text.ToString();
    }

    /// <summary>Reads a number of clients. It is bounded: numbers are added up, and others than hubs may send what they like.</summary>
    public static bool TryReadCount(string text, out int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count <= MostClients;

    public static bool TryParse(string? text, [NotNullWhen(true)] out PresenceMessage? message)
    {
        message = null;
        var lines = (text ?? "").Split('\n');
        if (lines[0].Split(' ') is not [var hub, var kindText, .. var words] || !Enum.TryParse<PresenceKind>(kindText, out var kind)
            || !PresenceSubject.TryRead(words, out var subject, out var user))
        {
            return false;
        }

        var counts = new List<(string, int)>();
        foreach (var line in lines.Skip(1))
        {
            if (line.Split(' ') is not [var channel, var clients] || !TryReadCount(clients, out var count))
                return false;

            counts.Add((channel, count));
        }

        message = new PresenceMessage(hub, kind, subject, user, counts);
        return true;
    }
}
