using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SseListener.Http;

/// <summary>
/// Opens regular files and nothing else: opening a FIFO waits for a writer, and opening a device may do something. .NET cannot tell them
/// apart. Only Linux is asked.
/// </summary>
internal static partial class RegularFile
{
    // fcntl.h and linux/stat.h; these are the same on all processors that .NET runs on.
    private const int PathOnlyCloseOnExec = 0x200000 | 0x80000;
    private const int OfDescriptor = 0x1000;
    private const uint Type = 1;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;

    // struct statx: 256 bytes, and where stx_mode is in it.
    private const int StatSize = 256;
    private const int ModeAt = 28;

    /// <summary>Opens a file to read; false when there is none, or when it is something else.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static bool TryOpen(string path, [NotNullWhen(true)] out FileStream? content)
    {
        // O_PATH opens nothing, but holds what is at that path now: its kind cannot change before it is opened by its descriptor.
        using var held = OperatingSystem.IsLinux() ? Open(path, PathOnlyCloseOnExec) : null;
        var source = held is null ? path : IsRegular(held) ? $"/proc/self/fd/{held.DangerousGetHandle()}" : null;
        content = source is null ? null : new FileStream(source, new FileStreamOptions
        {
            Access = FileAccess.Read,
            Share = FileShare.ReadWrite | FileShare.Delete,
            Options = FileOptions.Asynchronous,
        });
        return content is not null;
    }

    private static bool IsRegular(SafeFileHandle held)
    {
        Span<byte> stat = stackalloc byte[StatSize];
        return !held.IsInvalid
            && Stat(held, "", OfDescriptor, Type, stat) == 0
            && (MemoryMarshal.Read<ushort>(stat[ModeAt..]) & TypeMask) == Regular;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(SafeFileHandle folder, string path, int flags, uint mask, Span<byte> stat);
}
