namespace SseListener.Listener;

/// <summary>The process's file descriptors, one for each connection: seen in /proc on Linux. Elsewhere there is no limit to see.</summary>
internal static class Descriptors
{
    // What the program has open without any connection: 96 when it was counted, most of them its libraries.
    private const int Own = 100;

    /// <summary>How many the process may have; the runtime raises the soft limit to the hard one when it starts.</summary>
    public static int Limit { get; } = ReadLimit();

    /// <summary>Descriptors that are kept free, for files and for the threads of the pool.</summary>
    public static int Reserve { get; } = Math.Clamp(Limit / 10, Math.Min(512, Limit / 4), 4096);

    /// <summary>Most clients: with these there is still room for others to come and be answered.</summary>
    public static int MostClients { get; } = Math.Max(1, Limit - (Reserve * 3 / 2) - Own);

    /// <summary>
    /// How many numbers there are from the lowest free one up to the limit. The system hands out the lowest, so the number that a file
    /// gets tells, without counting.
    /// </summary>
    public static int Room()
    {
        if (!OperatingSystem.IsLinux())
            return int.MaxValue;

        try
        {
            using var file = File.OpenHandle("/dev/null");
            return Limit - (int)file.DangerousGetHandle();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>Shuts down the connection with this other end, also where its socket is somebody else's.</summary>
    public static void ShutDown(IPEndPoint remote)
    {
        var files = OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd") : [];
        foreach (var number in files.Select(file => int.Parse(Path.GetFileName(file), CultureInfo.InvariantCulture)))
        {
            try
            {
                using var handle = new SafeSocketHandle(number, ownsHandle: false);
                using var socket = new Socket(handle);
                if (remote.Equals(socket.RemoteEndPoint))
                    socket.Shutdown(SocketShutdown.Both);
            }
            catch (SocketException)
            {
                // It is another kind of file, or is closed by now.
            }
        }
    }

    private static int ReadLimit()
    {
        var lines = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/limits") : [];
        var line = lines.FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        var soft = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        return int.TryParse(soft, out var limit) ? limit : int.MaxValue;
    }
}
