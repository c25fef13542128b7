using System.Net;

namespace SseListener.Tests.Support;

/// <summary>Has an HttpListener of a test answer one request after the other until it is closed.</summary>
internal static class Serving
{
    public static async Task RunAsync(HttpListener listener, Action<HttpListenerContext> answer)
    {
        try
        {
            while (true)
                AnswerOne(await listener.GetContextAsync(), answer);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed: the test is over.
        }
    }

    private static void AnswerOne(HttpListenerContext context, Action<HttpListenerContext> answer)
    {
        try
        {
            answer(context);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Nobody waits any more: nginx ends a request when the browser has left the page.
        }
    }
}
