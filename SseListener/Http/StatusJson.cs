using System.Text.Json;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>What <c>/status</c> shows: the few numbers that a person asks for first.</summary>
internal static class StatusJson
{
    /// <summary>Writes it as it is now, as UTF-8.</summary>
    public static byte[] Write(ServerState state, ServerMetrics metrics)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("version", ProgramVersion.Text);
            json.WriteString("status", state.Problem?.Detail ?? "ok");
            json.WriteNumber("uptimeSeconds", (long)metrics.Uptime.TotalSeconds);
            json.WriteNumber("lanes", state.Lanes);
            WriteClients(json, state, metrics);
            WriteChannels(json, state);
            WriteHistory(json, state);
            WriteRates(json, state.Rates.Read());
            json.WriteEndObject();
        }

        return [.. output.ToArray(), (byte)'\n'];
    }

    private static void WriteClients(Utf8JsonWriter json, ServerState state, ServerMetrics metrics)
    {
        json.WriteStartObject("clients");
        json.WriteNumber("now", state.Clients);
        json.WriteNumber("ever", metrics.Connects);
        json.WriteNumber("limit", state.Options.MaxClients);
        json.WriteEndObject();
    }

    private static void WriteChannels(Utf8JsonWriter json, ServerState state)
    {
        json.WriteStartObject("channels");
        json.WriteNumber("now", state.Hub.Channels);
        json.WriteNumber("patterns", state.Hub.Patterns);
        json.WriteNumber("limit", state.Options.MaxChannels);
        json.WriteEndObject();
    }

    private static void WriteHistory(Utf8JsonWriter json, ServerState state)
    {
        var kept = state.Hub.Kept;
        json.WriteStartObject("history");
        json.WriteNumber("events", kept.Events);
        json.WriteNumber("bytes", kept.Bytes);
        json.WriteNumber("limitBytes", state.Options.History);
        json.WriteBoolean("journal", state.Options.Data is not null);
        json.WriteEndObject();
    }

    private static void WriteRates(Utf8JsonWriter json, double[] rates)
    {
        json.WriteStartObject("perSecond");
        json.WriteNumber("overSeconds", Rates.Window);
        json.WriteNumber("eventsPublished", rates[0]);
        json.WriteNumber("bytesPublished", rates[1]);
        json.WriteNumber("eventsDelivered", rates[2]);
        json.WriteNumber("bytesDelivered", rates[3]);
        json.WriteEndObject();
    }
}
