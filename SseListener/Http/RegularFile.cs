using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SseListener.Http;

/// <summary>
/// Opens files to read, and nothing but files: opening a FIFO waits for somebody who writes to it, and opening a device may do something.
/// .NET cannot tell them apart. Elsewhere than on Linux it is not looked at.
/// </summary>
internal static partial class RegularFile
{
    // fcntl.h and linux/stat.h; these are the same on all processors that .NET runs on.
    private const int Path = 0x200000;
    private const int CloseOnExec = 0x80000;
    private const int EmptyPath = 0x1000;
    private const uint Type = 1;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;

    // struct statx: 256 bytes, and where stx_mode is in it.
    private const int StatSize = 256;
    private const int ModeAt = 28;

    /// <summary>Opens a file; false when there is none, or when it is something else.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static bool TryOpen(string path, [NotNullWhen(true)] out FileStream? content)
    {
        if (!OperatingSystem.IsLinux())
        {
            content = OpenToRead(path);
            return true;
        }

        // With O_PATH nothing is opened, but what is at that path now is held: its kind cannot change before it is opened by its descriptor.
        using var place = Open(path, Path | CloseOnExec);
        content = !place.IsInvalid && IsRegular(place) ? OpenToRead($"/proc/self/fd/{place.DangerousGetHandle()}") : null;
        return content is not null;
    }

    private static FileStream OpenToRead(string path) => new(path, new FileStreamOptions
    {
        Access = FileAccess.Read,
        Share = FileShare.ReadWrite | FileShare.Delete,
        Options = FileOptions.Asynchronous,
    });

    private static bool IsRegular(SafeFileHandle place)
    {
        Span<byte> stat = stackalloc byte[StatSize];
        return Stat(place, "", EmptyPath, Type, stat) == 0 && (MemoryMarshal.Read<ushort>(stat[ModeAt..]) & TypeMask) == Regular;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Stat(SafeFileHandle folder, string path, int flags, uint mask, Span<byte> stat);
}
