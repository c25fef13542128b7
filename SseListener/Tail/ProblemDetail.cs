using System.Text.Json;

namespace SseListener.Tail;

/// <summary>What a refusal says to people: the member <c>detail</c> of problem details (RFC 9457, section 3.1.4).</summary>
internal static class ProblemDetail
{
    private const int Longest = 64 * 1024;
    private const string Nothing = "the server says no more";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    /// <summary>Reads it, as far as it is one; it may come from any server.</summary>
    public static async Task<string> ReadAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        limit.CancelAfter(_limit);
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(limit.Token);
            var bytes = new byte[Longest];
            var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token);
            using var problem = JsonDocument.Parse(bytes.AsMemory(0, length));
            return problem.RootElement.ValueKind is JsonValueKind.Object
                && problem.RootElement.TryGetProperty("detail", out var detail)
                && detail.ValueKind is JsonValueKind.String ? detail.GetString()! : Nothing;
        }
        catch (Exception e) when (e is JsonException or IOException or HttpRequestException or InvalidOperationException || (e is OperationCanceledException && !interrupted.IsCancellationRequested))
        {
            // No JSON, half a body, half a character, or no end of it.
            return Nothing;
        }
    }
}
