using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]

namespace SseListener.Journal;

/// <summary>Which file something is, whatever its name is, and how long it is.</summary>
internal readonly record struct FileStatus(ulong Device, ulong Inode, long Length)
{
    /// <summary>Whether it is the same file, however long it has become.</summary>
    public bool IsSame(FileStatus other) => (Device, Inode) == (other.Device, other.Inode);
}

/// <summary>
/// What the journal asks libc for: .NET tells neither device nor inode, opens no folder, and hides that fsync failed. On other systems
/// than Linux only the length of a file is known, and whether it exists. What fails throws, as <see cref="IsFailure"/> says.
/// </summary>
internal static partial class Disk
{
    // Of linux/stat.h, fcntl.h and errno.h.
    private const int WorkingFolder = -100;
    private const int EmptyPath = 0x1000;
    private const uint InodeAndSize = 0x300;
    private const int CloseOnExec = 0x80000;
    private const int NoEntry = 2;
    private const int NotAFolder = 20;
    private const int NotPossible = 22;

    /// <summary>Whether this is how the file system says no; a file that would grow too large is an argument out of range.</summary>
    public static bool IsFailure(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or NotSupportedException or ObjectDisposedException;

    /// <summary>The file that has this name now; null when there is none.</summary>
    public static FileStatus? Find(string path) =>
        OperatingSystem.IsLinux() ? GetStatus(WorkingFolder, path, flags: 0)
        : new FileInfo(path) is { Exists: true } file ? new FileStatus(0, 0, file.Length)
        : null;

    /// <summary>An open file, also when its name is gone.</summary>
    public static FileStatus Of(SafeFileHandle handle) =>
        (OperatingSystem.IsLinux() ? GetStatus((int)handle.DangerousGetHandle(), "", EmptyPath) : null)
        ?? new FileStatus(0, 0, RandomAccess.GetLength(handle));

    public static void Sync(SafeFileHandle handle)
    {
        if (!OperatingSystem.IsLinux())
            RandomAccess.FlushToDisk(handle);
        else if (FSync(handle) != 0 && Marshal.GetLastPInvokeError() != NotPossible)
            throw LastFailure("fsync");
    }

    /// <summary>Brings to the disk which files a folder has.</summary>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            using var handle = Open(path, CloseOnExec);
            Sync(handle.IsInvalid ? throw LastFailure(path) : handle);
        }
    }

    // statx is the one call whose structure is the same on every processor: here are its stx_dev_major and _minor, stx_ino and stx_size.
    private static FileStatus? GetStatus(int folder, string path, int flags)
    {
        Span<byte> status = stackalloc byte[256];
        if (StatX(folder, path, flags, InodeAndSize, ref status[0]) == 0)
        {
            var (device, inode) = (MemoryMarshal.Read<ulong>(status[136..]), MemoryMarshal.Read<ulong>(status[32..]));
            return new FileStatus(device, inode, Length: MemoryMarshal.Read<long>(status[40..]));
        }

        return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder ? null : throw LastFailure(path.Length > 0 ? path : "An open file");
    }

    private static IOException LastFailure(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int StatX(int folder, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle handle);
}
