using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]

namespace SseListener.Journal;

/// <summary>
/// What the journal asks libc for, because .NET tells neither device nor inode, opens no folder, and keeps to itself that fsync failed
/// (seen with one that is made to fail). Elsewhere than on Linux only a file's length is known, and that it is there.
/// </summary>
internal static partial class Disk
{
    // Of linux/stat.h, fcntl.h and errno.h; statx is the one call whose structure is the same on every processor.
    private const int FromWorkingFolder = -100;
    private const int OfDescriptor = 0x1000;
    private const uint InodeAndSize = 0x300;
    private const int CloseOnExec = 0x80000;
    private const int NoEntry = 2;
    private const int NotAFolder = 20;
    private const int NotPossible = 22;

    /// <summary>The file that has this name now; null when none has.</summary>
    /// <exception cref="IOException">It cannot be found out.</exception>
    public static FileStatus? Find(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return new FileInfo(path) is { Exists: true } file ? new FileStatus(0, 0, file.Length) : null;
        }

        if (GetStatus(FromWorkingFolder, path, flags: 0, InodeAndSize, out var buffer) == 0)
        {
            return buffer.Status;
        }

        return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder ? null : throw LastFailure(path);
    }

    /// <summary>An open file, whatever has become of its name.</summary>
    /// <exception cref="IOException">It cannot be found out.</exception>
    public static FileStatus Of(SafeFileHandle handle) =>
        !OperatingSystem.IsLinux() ? new FileStatus(0, 0, RandomAccess.GetLength(handle))
        : GetStatus((int)handle.DangerousGetHandle(), "", OfDescriptor, InodeAndSize, out var buffer) == 0 ? buffer.Status
        : throw LastFailure("An open file");

    /// <summary>Brings an open file to the disk.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    public static void Sync(SafeFileHandle handle)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(handle);
        }
        else if (FSync(handle) != 0 && Marshal.GetLastPInvokeError() != NotPossible)
        {
            throw LastFailure("fsync");
        }
    }

    /// <summary>Brings to the disk which files a folder has.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            using var handle = Open(path, CloseOnExec);
            if (handle.IsInvalid)
            {
                throw LastFailure(path);
            }

            Sync(handle);
        }
    }

    private static IOException LastFailure(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int GetStatus(int folder, string path, int flags, uint mask, out Buffer buffer);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle handle);

    // struct statx of linux/stat.h.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct Buffer
    {
        [FieldOffset(32)]
        private readonly ulong _inode;

        [FieldOffset(40)]
        private readonly long _size;

        [FieldOffset(136)]
        private readonly uint _deviceMajor;

        [FieldOffset(140)]
        private readonly uint _deviceMinor;

        public FileStatus Status => new(((ulong)_deviceMajor << 32) | _deviceMinor, _inode, _size);
    }
}

/// <summary>Which file something is, whatever its name is, and how long it is.</summary>
internal readonly record struct FileStatus(ulong Device, ulong Inode, long Length)
{
    /// <summary>Whether it is the same file, however long it has become.</summary>
    public bool IsSame(FileStatus other) => (Device, Inode) == (other.Device, other.Inode);
}
