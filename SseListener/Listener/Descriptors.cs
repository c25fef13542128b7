using System.Globalization;
using System.IO.Enumeration;

namespace SseListener.Listener;

/// <summary>
/// The process's file descriptors, of which a connection takes one; seen through /proc, so on Linux only. Elsewhere there is no
/// limit to see.
/// </summary>
internal static class Descriptors
{
    private const string Links = "/proc/self/fd";

    // The same numbers, but as plain files: what is a link .NET looks up while it lists, 5 us for each.
    private const string Numbers = "/proc/self/fdinfo";

    // What the program has open without any connection: 96 when it was counted, most of them its libraries.
    private const int Own = 100;

    /// <summary>How many the process may have; the runtime raises the soft limit to the hard one when it starts.</summary>
    public static int Limit { get; } = ReadLimit();

    /// <summary>
    /// Descriptors kept free. Nobody can be refused before he has been accepted, so these have to last from one look to the next.
    /// </summary>
    public static int Reserve { get; } = Math.Clamp(Limit / 10, Math.Min(512, Limit / 4), 4096);

    /// <summary>Most clients: with these there is still room for others to come and be answered.</summary>
    public static int MostClients { get; } = Math.Max(1, Limit - (Reserve * 3 / 2) - Own);

    /// <summary>
    /// How long the next look may wait. At 100,000 connections a second, which is more than are accepted, it comes when the reserve has been
    /// reached, or at the latest before it is used up. A look takes 130 us of CPU in a server that is idle otherwise.
    /// </summary>
    /// <param name="room">How many there are now.</param>
    public static TimeSpan LookAfter(int room) => TimeSpan.FromMilliseconds(Math.Clamp(Math.Max(room - Reserve, Reserve) / 100, 1, 100));

    /// <summary>
    /// How many numbers there are from the lowest free one up to the limit. The system hands out the lowest, so the number that a file
    /// gets tells, without counting.
    /// </summary>
    public static int Room()
    {
        if (!OperatingSystem.IsLinux())
        {
            return int.MaxValue;
        }

        try
        {
            using var file = File.OpenHandle("/dev/null");
            return Limit - (int)file.DangerousGetHandle();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Whether a descriptor is a socket's.</summary>
    /// <exception cref="IOException">It has been closed.</exception>
    public static bool IsSocket(int descriptor) =>
        new FileInfo($"{Links}/{descriptor}").LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true;

    /// <summary>The numbers of all descriptors in use; none where they cannot be seen.</summary>
    public static IReadOnlyCollection<int> InUse()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        try
        {
            return [.. new FileSystemEnumerable<int>(Numbers, (ref FileSystemEntry entry) => int.Parse(entry.FileName, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            // Listing them takes a descriptor, and there is none left: so all are in use. No LINQ, which would load an assembly, and
            // that takes a descriptor too.
            var all = new int[Limit];
            for (var number = 0; number < all.Length; number++)
            {
                all[number] = number;
            }

            return all;
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
