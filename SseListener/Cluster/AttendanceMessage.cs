using System.Buffers.Text;
using SseListener.Events;

namespace SseListener.Cluster;

/// <summary>
/// What a hub answers another one that asks who is on a channel: <c>HUB CLIENTS USERS</c>, and a line for each client that it names, as
/// <see cref="PresenceSubject"/> writes it.
/// </summary>
internal sealed record AttendanceMessage(string Hub, Attendance Attendance)
{
    public override string ToString()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Hub} {Attendance.Clients} {Attendance.Users}");
        foreach (var (client, user) in Attendance.Members)
            text.Append('\n').Append(PresenceSubject.Write(client, user));

        return text.ToString();
    }

    public static bool TryParse(string? text, [NotNullWhen(true)] out AttendanceMessage? message)
    {
        message = null;
        var lines = (text ?? "").Split('\n');
        if (lines[0].Split(' ') is not [var hub, var clientText, var userText]
            || !PresenceMessage.TryReadCount(clientText, out var clients) || !PresenceMessage.TryReadCount(userText, out var users))
        {
            return false;
        }

        var members = new List<Member>();
        foreach (var line in lines.Skip(1))
        {
            if (!PresenceSubject.TryRead(line.Split(' '), out var client, out var user))
                return false;

            members.Add(new Member(client, user));
        }

        message = new AttendanceMessage(hub, new Attendance(clients, users, members));
        return true;
    }
}

/// <summary>A client in a message, and behind it its user, in base64url, if that is known.</summary>
internal static class PresenceSubject
{
    private const int LongestClient = 40;

    public static string Write(string client, string? user) =>
        user is null ? client : $"{client} {Base64Url.EncodeToString(Encoding.UTF8.GetBytes(user))}";

    /// <summary>Reads its words. A client becomes a part of JSON as it is, and a user has a short name.</summary>
    public static bool TryRead(ReadOnlySpan<string> words, out string client, out string? user)
    {
        (client, user) = (words.Length is 1 or 2 ? words[0] : "", null);
        if (client.Length is 0 or > LongestClient || !client.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            return false;

        if (words.Length == 1)
            return true;

        var bytes = new byte[Base64Url.GetMaxDecodedLength(words[1].Length)];
        var isGood = Base64Url.DecodeFromChars(words[1], bytes, out _, out var length) is OperationStatus.Done;
        user = Encoding.UTF8.GetString(bytes, 0, length);
        return isGood && UserNames.IsName(user);
    }
}
