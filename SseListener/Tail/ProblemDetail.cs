using System.Text.Json;
using System.Text.Json.Nodes;

namespace SseListener.Tail;

/// <summary>The explanation in a refusal: the member <c>detail</c> of problem details (RFC 9457, section 3.1.4).</summary>
internal static class ProblemDetail
{
    private const int Longest = 64 * 1024;
    private const string Nothing = "the server says no more";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    public static async Task<string> ReadAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        limit.CancelAfter(_limit);
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(limit.Token);
            var bytes = new byte[Longest];
            var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token);
            return JsonNode.Parse(bytes.AsSpan(0, length))?["detail"]?.GetValue<string>() ?? Nothing;
        }
        catch (Exception e) when (e is OperationCanceledException ? !interrupted.IsCancellationRequested
            : e is JsonException or InvalidOperationException or ArgumentException or IOException or HttpRequestException)
        {
            // Too late, no JSON object, half a body, half a character, or a member twice.
            return Nothing;
        }
    }
}
