// Publishes an event, once, however often it has to try. It goes into a console project in place of Program.cs. An application
// takes the class only: services.AddHttpClient<Publisher>(hub => hub.BaseAddress = new Uri("http://localhost:3000/"));
using System.Net.Http.Json;

using var http = new HttpClient { BaseAddress = new Uri(args is [var hub] ? hub : "http://localhost:3000/") };
Console.WriteLine(await new Publisher(http).PublishAsync("orders/42", "paid", new { by = "card" }));

/// <summary>Publishes events, each once, also when the hub is away for a while. The client's base address is the hub's.</summary>
public sealed class Publisher(HttpClient hub)
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(0.5);

    /// <summary>Tries until the event is stored, and returns its id.</summary>
    /// <param name="id">Give one, such as "order-42-paid", if this program may die before it has an answer, and publish it again.</param>
    /// <exception cref="InvalidOperationException">The hub refuses the event: to send it again would not help.</exception>
    public async Task<string> PublishAsync(
        string channel, string type, object data, string? id = null, CancellationToken stop = default)
    {
        // The id is chosen before the first attempt. By it the hub knows an event that it has already.
        var sseEvent = new { id = id ?? Guid.NewGuid().ToString(), type, data };
        while (true)
        {
            var pause = _pause;
            try
            {
                using var answer = await hub.PostAsJsonAsync($"events?channel={Uri.EscapeDataString(channel)}", sseEvent, stop);
                if (answer.IsSuccessStatusCode)
                    return sseEvent.id;

                if ((int)answer.StatusCode is not (408 or 429 or >= 500))
                    throw new InvalidOperationException($"The hub refuses the event: {await answer.Content.ReadAsStringAsync(stop)}");

                pause = answer.Headers.RetryAfter?.Delta ?? pause;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
            {
                // There is no answer, or not in time: nobody knows whether the event is stored.
            }

            await Task.Delay(pause, stop);
        }
    }
}
