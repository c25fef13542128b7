namespace SseListener.Cluster;

/// <summary>What a message tells: a join or leave; a part of all numbers of a hub, or their end; or that the hub is gone.</summary>
internal enum PresenceKind { Join, Leave, Numbers, NumbersEnd, Gone }

/// <summary>
/// What a hub tells the others of its clients: <c>HUB KIND SUBJECT</c>, and a line <c>CHANNEL CLIENTS</c> for each channel that it tells
/// of. The subject is the client, if it is about one.
/// </summary>
internal sealed record PresenceMessage(
    string Hub, PresenceKind Kind, string Subject, IReadOnlyList<(string Channel, int Clients)> Counts)
{
    private const int MostClients = 1_000_000; // Of a hub, and many times more than it can have.

    public override string ToString()
    {
        var text = new StringBuilder($"{Hub} {Kind} {Subject}");
        foreach (var (channel, clients) in Counts)
            text.Append(CultureInfo.InvariantCulture, $"\n{channel} {clients}");

        return text.ToString();
    }

    // It becomes a part of JSON.
    private static bool IsPlain(string subject) => subject.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    public static bool TryParse(string? text, [NotNullWhen(true)] out PresenceMessage? message)
    {
        message = null;
        var lines = (text ?? "").Split('\n');
        if (lines[0].Split(' ') is not [var hub, var kindText, var subject] || !Enum.TryParse<PresenceKind>(kindText, out var kind)
            || !IsPlain(subject))
        {
            return false;
        }

        var counts = new List<(string, int)>();
        foreach (var line in lines.Skip(1))
        {
            // Bounded, for numbers are added up, and others than hubs may send what they like.
            if (line.Split(' ') is not [var channel, var clients]
                || !int.TryParse(clients, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count > MostClients)
            {
                return false;
            }

            counts.Add((channel, count));
        }

        message = new PresenceMessage(hub, kind, subject, counts);
        return true;
    }
}
