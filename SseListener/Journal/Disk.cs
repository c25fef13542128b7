using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]

namespace SseListener.Journal;

/// <summary>Which file something is (device and inode), whatever its name is, and how long it is.</summary>
internal readonly record struct FileStatus((ulong Device, ulong Inode) File, long Length, bool IsRegular = true);

/// <summary>
/// What is asked of libc: .NET tells neither device nor inode nor kind, opens no folder, and hides that fsync failed. On other systems
/// than Linux only the length of a file is known, and whether it exists. What fails throws, as <see cref="IsFailure"/> says.
/// </summary>
internal static partial class Disk
{
    // Of linux/stat.h, fcntl.h and errno.h.
    private const int WorkingFolder = -100;
    private const int EmptyPath = 0x1000;
    private const uint TypeInodeAndSize = 0x301;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;
    private const int CloseOnExec = 0x80000;
    private const int PathOnly = 0x200000;
    private const int NoEntry = 2;
    private const int NotAFolder = 20;
    private const int NotPossible = 22;

    /// <summary>Whether this is how the file system says no; a file that would grow too large is an argument out of range.</summary>
    public static bool IsFailure(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or NotSupportedException or ObjectDisposedException;

    /// <summary>Does something, and returns how it has failed, if that <see cref="IsFailure"/>; null when it has not.</summary>
    public static Exception? Attempt(Action work)
    {
        try
        {
            work();
            return null;
        }
        catch (Exception e) when (IsFailure(e))
        {
            return e;
        }
    }

    /// <summary>The file that has this name now; null when there is none.</summary>
    public static FileStatus? Find(string path) =>
        OperatingSystem.IsLinux() ? GetStatus(WorkingFolder, path, flags: 0)
        : new FileInfo(path) is { Exists: true } file ? new FileStatus(default, file.Length)
        : null;

    /// <summary>An open file, also when its name is gone.</summary>
    public static FileStatus Of(SafeFileHandle handle) =>
        (OperatingSystem.IsLinux() ? GetStatus((int)handle.DangerousGetHandle(), "", EmptyPath) : null)
        ?? new FileStatus(default, RandomAccess.GetLength(handle));

    /// <summary>
    /// Opens a file to read; null when there is none, or when it is no regular file. Opening a FIFO waits for a writer, and opening a
    /// device may do something. Only Linux tells them apart.
    /// </summary>
    public static FileStream? TryOpenRegular(string path)
    {
        // O_PATH opens nothing, but holds what is at that path now: its kind cannot change before it is opened by its descriptor.
        using var held = OperatingSystem.IsLinux() ? Open(path, PathOnly | CloseOnExec) : null;
        var source = held is null ? path : !held.IsInvalid && Of(held).IsRegular ? $"/proc/self/fd/{held.DangerousGetHandle()}" : null;
        return source is null ? null
            : new FileStream(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4096, useAsync: true);
    }

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

    // Only statx has one structure on every processor: these are its stx_mode, stx_dev_major and _minor, stx_ino and stx_size.
    private static FileStatus? GetStatus(int folder, string path, int flags)
    {
        Span<ulong> status = stackalloc ulong[32];
        if (StatX(folder, path, flags, TypeInodeAndSize, ref status[0]) == 0)
        {
            var isRegular = (MemoryMarshal.Cast<ulong, ushort>(status)[14] & TypeMask) == Regular;
            return new FileStatus((status[17], status[4]), (long)status[5], isRegular);
        }

        return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder ? null : throw LastFailure(path.Length > 0 ? path : "An open file");
    }

    private static IOException LastFailure(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int StatX(int folder, string path, int flags, uint mask, ref ulong status);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle handle);
}
