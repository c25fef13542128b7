using System.Net.ServerSentEvents;
using SseListener.Log;

namespace SseListener.Tail;

/// <summary>How an event is printed.</summary>
internal static class EventLine
{
    /// <summary>For people: type, id and data on a line; further lines of the data are indented. What a terminal would obey is escaped.</summary>
    public static string Text(SseItem<string> sseEvent)
    {
        var data = string.Join("\n  ", sseEvent.Data.Split('\n').Select(LogWriter.OneLine));
        return $"{LogWriter.OneLine(sseEvent.EventType)} {(sseEvent.EventId is { Length: > 0 } id ? LogWriter.OneLine(id) : "-")} {data}";
    }

    /// <summary>For programs: an object, whose data are the text that an EventSource would give.</summary>
    public static string Json(SseItem<string> sseEvent)
    {
        var id = sseEvent.EventId is { Length: > 0 } text ? JsonText.Quote(text) : "null";
        return $$"""{"type":{{JsonText.Quote(sseEvent.EventType)}},"id":{{id}},"data":{{JsonText.Quote(sseEvent.Data)}}}""";
    }
}
