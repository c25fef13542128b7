using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using SseListener.Journal;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Nothing outside <c>public/</c> is served, in whatever way its path is spelled, and no dot-file.</summary>
public sealed class OutsideThePages
{
    private const string Text = "the secret";

    // SECRET is the name of a file beside the folder of the pages, whose name begins with that of the folder.
    [TestCase("/../SECRET")]
    [TestCase("/folder/../../SECRET")]
    [TestCase("/./../SECRET")]
    [TestCase("/.../../SECRET")]
    [TestCase("/%2e%2e/SECRET")]
    [TestCase("/%2E%2E/SECRET")]
    [TestCase("/.%2e/SECRET")]
    [TestCase("/..%2fSECRET")]
    [TestCase("/..%2FSECRET")]
    [TestCase("/folder%2f..%2f..%2fSECRET")]
    [TestCase("/%252e%252e/SECRET")]
    [TestCase("/%252e%252e%252fSECRET")]
    [TestCase("/..\\SECRET")]
    [TestCase("/\\..\\SECRET")]
    [TestCase("/%5c..%5cSECRET")]
    [TestCase("/..%5cSECRET")]
    [TestCase("/folder/..\\..\\SECRET")]
    [TestCase("/..;/SECRET")]
    [TestCase("/../SECRET%00.html")]
    [TestCase("/../SECRET%00")]
    [TestCase("/%00/../../SECRET")]
    [TestCase("/..%00/SECRET")]
    [TestCase("/%c0%ae%c0%ae/SECRET")]
    [TestCase("/..%c0%afSECRET")]
    [TestCase("/%e0%80%ae%e0%80%ae/SECRET")]
    [TestCase("/%u002e%u002e/SECRET")]
    [TestCase("/\xFF\x0E\xFF\x0E/SECRET")]
    [TestCase("/\xE2\x80\xA5/SECRET")]
    [TestCase("/../SECRET?x=y")]
    [TestCase("/..?/SECRET")]
    [TestCase("/index.html/../../SECRET")]
    [TestCase("../SECRET")]
    [TestCase("..%2fSECRET")]
    [TestCase("http://127.0.0.1:PORT/../SECRET")]
    [TestCase("http://127.0.0.1:PORT/%2e%2e/SECRET")]
    [TestCase("http://127.0.0.1:PORT/..%2fSECRET")]
    [TestCase("http://127.0.0.1:PORT\\..\\SECRET")]
    public Task A_file_beside_the_folder_is_not_served(string target) => HidesAsync(target, (_, _) => { });

    // ROOTED is the whole path of that file.
    [TestCase("ROOTED")]
    [TestCase("/ROOTED")]
    [TestCase("//ROOTED")]
    [TestCase("/.ROOTED")]
    [TestCase("/%2fROOTED")]
    [TestCase("/%2FROOTED")]
    [TestCase("/folder/ROOTED")]
    [TestCase("/folder//ROOTED")]
    [TestCase("file://ROOTED")]
    [TestCase("file://127.0.0.1:PORTROOTED")]
    [TestCase("http://127.0.0.1:PORTROOTED")]
    [TestCase("http://127.0.0.1:PORT/ROOTED")]
    [TestCase("/proc/self/root/ROOTED")]
    public Task A_rooted_path_is_not_served(string target) => HidesAsync(target, (_, _) => { });

    [TestCase("/link.txt")]
    [TestCase("/folder/link.txt")]
    [TestCase("/relative.txt")]
    [TestCase("/twice.txt")]
    [TestCase("/up/SECRET")]
    [TestCase("/folder/up/SECRET")]
    [TestCase("/page/")]
    public Task What_a_link_leads_to_is_not_served(string target) => HidesAsync(target, (pages, secret) =>
    {
        File.CreateSymbolicLink(Path.Combine(pages, "link.txt"), secret);
        File.CreateSymbolicLink(Path.Combine(pages, "folder", "link.txt"), secret);
        File.CreateSymbolicLink(Path.Combine(pages, "relative.txt"), $"../{Path.GetFileName(secret)}");
        File.CreateSymbolicLink(Path.Combine(pages, "twice.txt"), "link.txt");
        Directory.CreateSymbolicLink(Path.Combine(pages, "up"), Path.GetDirectoryName(secret)!);
        Directory.CreateSymbolicLink(Path.Combine(pages, "folder", "up"), "../..");
        Directory.CreateDirectory(Path.Combine(pages, "page"));
        File.CreateSymbolicLink(Path.Combine(pages, "page", "index.html"), secret);
    });

    [TestCase("/.env")]
    [TestCase("/%2eenv")]
    [TestCase("/folder/.env")]
    [TestCase("/.git/config")]
    [TestCase("/%2egit/config")]
    [TestCase("/folder/../.env")]
    [TestCase("/./.env")]
    [TestCase("/..env")]
    [TestCase("/.git/")]
    public Task A_dot_file_is_not_served(string target) => HidesAsync(target, (pages, _) =>
    {
        Directory.CreateDirectory(Path.Combine(pages, ".git"));
        foreach (var file in (string[])[".env", "..env", "folder/.env", ".git/config", ".git/index.html"])
            File.WriteAllText(Path.Combine(pages, file), Text);
    });

    // A pool's worth of requests: each would keep a thread for ever that waits for somebody to write to the FIFO.
    [TestCase("fifo")]
    [TestCase("socket")]
    [TestCase("loop")]
    [TestCase("loop/index.html")]
    [TestCase("folder")]
    public async Task What_is_no_regular_file_is_not_served_and_keeps_nobody_waiting(string name)
    {
        await using var server = TestServer.Start();
        using var make = Process.Start("mkfifo", Path.Combine(server.Pages, "fifo"));
        await make.WaitForExitAsync();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(server.Pages, "socket")));
        Directory.CreateSymbolicLink(Path.Combine(server.Pages, "loop"), "loop");
        Directory.CreateDirectory(Path.Combine(server.Pages, "folder"));
        for (var i = 0; i < 100; i++)
        {
            using var answer = await server.SendAsync(i % 2 == 0 ? "GET" : "HEAD", "/" + name);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }

        using var page = await server.SendAsync("GET", "/");
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    // What is at a path may be another thing a moment later.
    [Test]
    public async Task What_takes_a_files_place_while_it_is_opened_keeps_nobody_waiting()
    {
        using var folder = new TempFolder();
        var (file, fifo, place) = (Path.Combine(folder.Path, "file"), Path.Combine(folder.Path, "fifo"), Path.Combine(folder.Path, "place"));
        await File.WriteAllTextAsync(file, Text);
        using var make = Process.Start("mkfifo", fifo);
        await make.WaitForExitAsync();
        using var end = new CancellationTokenSource();
        var swapping = Task.Run(() => SwapOnAndOn(file, fifo, place, end.Token));
        var (files, others) = (0, 0);
        await Task.Run(() =>
        {
            while (files < 1000 || others < 1000)
                _ = IsFile(place) ? files++ : others++;
        }).WaitAsync(Wait.Limit);
        await end.CancelAsync();
        await swapping;
    }

    private static bool IsFile(string place)
    {
        using var content = Disk.TryOpenRegular(place);
        return content is not null;
    }

    // A link's target is followed by the one who opens; replacing the link is one step.
    private static void SwapOnAndOn(string file, string fifo, string place, CancellationToken end)
    {
        for (var i = 0; !end.IsCancellationRequested; i++)
        {
            File.CreateSymbolicLink(place + i, i % 2 == 0 ? file : fifo);
            File.Move(place + i, place, overwrite: true);
        }
    }

    private static async Task HidesAsync(string target, Action<string, string> arrange)
    {
        await using var server = TestServer.Start();
        var secret = server.Pages + "-secret.txt";
        await File.WriteAllTextAsync(secret, Text);
        try
        {
            Directory.CreateDirectory(Path.Combine(server.Pages, "folder"));
            arrange(server.Pages, secret);
            var spelled = target
                .Replace("SECRET", Path.GetFileName(secret), StringComparison.Ordinal)
                .Replace("ROOTED", secret, StringComparison.Ordinal)
                .Replace("PORT", server.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            foreach (var method in (string[])["GET", "HEAD"])
            {
                var answer = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, $"{method} {spelled}", "Connection: close"));
                Assert.That(answer, Does.StartWith("HTTP/1.1 404 ").Or.StartsWith("HTTP/1.1 400 "));
                Assert.That(answer, Does.Not.Contain(Text).And.Not.Contains("ETag"));
            }
        }
        finally
        {
            File.Delete(secret);
        }
    }
}
