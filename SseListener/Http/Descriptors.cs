using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>
/// The process's file descriptors, of which a connection takes one; seen through /proc, so on Linux only. Elsewhere there is no
/// limit to see and there are no sockets.
/// </summary>
internal static class Descriptors
{
    private const string Folder = "/proc/self/fd";

    /// <summary>How many the process may have; the runtime raises the soft limit to the hard one when it starts.</summary>
    public static int Limit { get; } = ReadLimit();

    /// <summary>
    /// Descriptors kept free. Nobody can be refused before he has been accepted, so these have to last from one look to the next.
    /// </summary>
    public static int Reserve { get; } = Math.Clamp(Limit / 10, 32, 4096);

    /// <summary>How often to look: before the reserve is used up at 20,000 connections a second, which is more than are accepted.</summary>
    public static TimeSpan LookEvery { get; } = TimeSpan.FromMilliseconds(Math.Clamp(Reserve / 20, 5, 100));

    /// <summary>
    /// Whether fewer than <paramref name="reserve"/> are free. The system hands out the lowest free number, so the number that a
    /// file gets tells, without counting.
    /// </summary>
    public static bool AreShort(int reserve)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            using var file = File.OpenHandle("/dev/null");
            return file.DangerousGetHandle() >= Limit - reserve;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>
    /// Shows every socket of the process to <paramref name="visit"/>. HttpListener keeps its sockets to itself; this reaches them by
    /// number, through public API and without taking them over.
    /// </summary>
    public static void VisitSockets(Action<Socket> visit)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        foreach (var number in Numbers())
        {
            Visit(number, visit);
        }
    }

    /// <summary>Shows one descriptor to <paramref name="visit"/>, if it is a socket.</summary>
    public static void Visit(int number, Action<Socket> visit)
    {
        try
        {
            if (number >= 0 && new FileInfo($"{Folder}/{number}").LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true)
            {
                using var handle = new SafeSocketHandle(number, ownsHandle: false);
                using var socket = new Socket(handle);
                visit(socket);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or NotSupportedException or ArgumentException or UnauthorizedAccessException)
        {
            // It is of another kind, or has been closed since it was listed.
        }
    }

    private static IEnumerable<int> Numbers()
    {
        try
        {
            return [.. Directory.EnumerateFiles(Folder).Select(file => int.Parse(Path.GetFileName(file), Units.Culture))];
        }
        catch (IOException)
        {
            // Listing them takes a descriptor, and there is none left: so all are in use.
            return Enumerable.Range(0, Limit);
        }
    }

    private static int ReadLimit()
    {
        var line = OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))
            : null;
        var soft = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        return int.TryParse(soft, out var limit) ? limit : int.MaxValue;
    }
}
