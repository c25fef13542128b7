using System.Text.Json;

namespace SseListener.Tests.Support;

/// <summary>What every refusal must be: problem details (RFC 9457) that say what is wrong.</summary>
internal static class Problem
{
    /// <summary>Checks an answer's status, its type, and that its detail has <paramref name="detail"/> in it.</summary>
    public static async Task ExpectAsync(HttpResponseMessage answer, int status, string detail)
    {
        var body = await answer.Content.ReadAsStringAsync().WaitAsync(Wait.Limit);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status), body);
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/problem+json"));
        using var problem = JsonDocument.Parse(body);
        Assert.That(problem.RootElement.GetProperty("status").GetInt32(), Is.EqualTo(status));
        Assert.That(problem.RootElement.GetProperty("detail").GetString(), Does.Contain(detail));
    }
}
