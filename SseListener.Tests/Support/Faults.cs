using System.Diagnostics;

namespace SseListener.Tests.Support;

/// <summary>
/// A disk and a clock that misbehave at a test's command, to a program that is started with <see cref="Environment"/>: a library before
/// libc's, in C, that a file in a folder tells each fault.
/// </summary>
internal sealed class Faults : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>

        static int on(const char *fault) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", getenv("FAULTS"), fault);
            return access(path, F_OK) == 0;
        }

        static int fail(void) { errno = EIO; return -1; }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            int result = syscall(SYS_clock_gettime, clock, time);
            if (clock == CLOCK_REALTIME) time->tv_sec += on("tomorrow") ? 90000 : on("yesterday") ? -90000 : 0;
            return result;
        }

        /* The bytes get there, and then it fails. */
        ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
            ssize_t result = syscall(SYS_pwrite64, file, bytes, count, at);
            return on("late") ? fail() : result;
        }
        ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

        int ftruncate64(int file, off64_t length) { return on("stuck") ? fail() : syscall(SYS_ftruncate, file, length); }
        int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

        int fsync(int file) {
            struct stat status;
            char path[4096];
            snprintf(path, sizeof path, "%s/synced", getenv("FAULTS"));
            int folders = fstat(file, &status) == 0 && S_ISDIR(status.st_mode) ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
            if (folders >= 0) { write(folders, ".", 1); close(folders); }
            return on("sick") ? fail() : syscall(SYS_fsync, file);
        }

        /* .NET finds a function of libc in libc itself. */
        void *dlsym(void *library, const char *name) {
            static void *(*real)(void *, const char *);
            if (!real && !(real = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34"))) real = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
            return strcmp(name, "fsync") == 0 ? (void *)fsync : real(library, name);
        }
        """;

    private static readonly Lazy<string> _library = new(Compile);
    private readonly TempFolder _folder = new();

    /// <summary>What to start the program with.</summary>
    public (string, string)[] Environment => [("LD_PRELOAD", _library.Value), ("FAULTS", _folder.Path)];

    /// <summary>How often a folder has been brought to the disk.</summary>
    public long Synced => new FileInfo(_folder.Path + "/synced") is { Exists: true } synced ? synced.Length : 0;

    /// <summary>Begins a fault.</summary>
    public void Begin(string fault) => File.WriteAllText(Path.Combine(_folder.Path, fault), "");

    /// <summary>Ends a fault.</summary>
    public void End(string fault) => File.Delete(Path.Combine(_folder.Path, fault));

    public void Dispose() => _folder.Dispose();

    private static string Compile()
    {
        var library = Path.Combine(Directory.CreateTempSubdirectory("sse-faults-").FullName, "faults.so");
        var start = new ProcessStartInfo(OtherPrograms.Compiler(), ["-shared", "-fPIC", "-w", "-x", "c", "-o", library, "-"]) { RedirectStandardInput = true };
        using var compiler = Process.Start(start)!;
        compiler.StandardInput.Write(Source);
        compiler.StandardInput.Close();
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero);
        return library;
    }
}
