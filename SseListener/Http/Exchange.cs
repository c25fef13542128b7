using System.Net;

namespace SseListener.Http;

/// <summary>One request and its answer.</summary>
internal sealed class Exchange(HttpListenerContext context, Connection connection, long number, RequestTarget target)
{
    /// <summary>The request.</summary>
    public HttpListenerRequest Request => context.Request;

    /// <summary>The answer to it.</summary>
    public HttpListenerResponse Response => context.Response;

    /// <summary>The connection that it came in on.</summary>
    public Connection Connection { get; } = connection;

    /// <summary>The request's number.</summary>
    public long Number { get; } = number;

    /// <summary>The request's path and query.</summary>
    public RequestTarget Target { get; private set; } = target;

    /// <summary>Bytes of the request line and the header fields.</summary>
    public int HeaderSize
    {
        get
        {
            var size = Request.HttpMethod.Length + Request.RawUrl!.Length + "  HTTP/1.1\r\n".Length;
            for (var i = 0; i < Request.Headers.Count; i++)
            {
                size += Request.Headers.GetKey(i)!.Length + Request.Headers.Get(i)!.Length + ": \r\n".Length;
            }

            return size;
        }
    }

    /// <summary>Lets go of what is needed no more once a stream has begun, and would be kept for as long as it lasts.</summary>
    public void Forget()
    {
        Target = RequestTarget.None;
        Request.Headers.Clear();
        Response.Headers.Clear();
    }

    /// <summary>Whether the request's body has been read to its end.</summary>
    public bool BodyIsRead { get; set; } = !context.Request.HasEntityBody;
}
