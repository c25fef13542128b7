using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.Unicode;
using SseListener.Cli;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary><c>pub URL [DATA]</c>: publishes an event, or one for each line of standard input, and prints their ids.</summary>
internal static class PubCommand
{
    private static readonly Argument<string> _url =
        new("URL") { Description = "the server, such as localhost:3000 or http://localhost:3000/events?channel=orders" };

    private static readonly Argument<string?> _data = new("DATA")
    {
        Description = "the event's data; without it each line of standard input is an event",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> _type = new("--type") { Description = "type of the events", HelpName = "TYPE" };
    private static readonly Option<string?> _id =
        new("--id") { Description = "id of the event that DATA is: publishing it again with this id does no harm", HelpName = "ID" };

    private static readonly Option<string[]> _channels =
        new("--channel") { Description = "channel to publish to; may be repeated [default]", HelpName = "CHANNEL" };

    private static readonly Option<string?> _token = Remote.TokenOption("bearer token that may publish");
    private static readonly Option<bool> _json = new("--json") { Description = "the data are JSON, not text", Arity = ArgumentArity.Zero };

    public static Command Create()
    {
        var pub = new Command("pub", "Publish DATA, or each line of standard input.")
        {
            _url, _data, _type, _id, _channels, _token, _json,
        };
        pub.SetAction(RunAsync);
        return pub;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken interrupted)
    {
        var (data, id) = (parsed.GetValue(_data), parsed.GetValue(_id));
        if (!Remote.TryReadUrl(parsed.GetValue(_url)!, out var url, out var problem)
            || !Remote.TryReadToken(parsed.GetValue(_token), out var token, out problem))
        {
            return Remote.Fail(CommandLine.UsageError, problem);
        }

        if (data is ['-', '-', ..] && !parsed.Tokens.Any(part => part.Type is TokenType.DoubleDash))
        {
            return Remote.Fail(
                CommandLine.UsageError, $"'{data}' is no option of pub. Data that begin with -- stand behind a -- of their own.");
        }

        if (id is not null && data is null)
            return Remote.Fail(CommandLine.UsageError, "--id is the id of one event, which has to be given as DATA.");

        var target = new UriBuilder(url);
        foreach (var channel in parsed.GetValue(_channels) ?? [])
            target.Query = $"{target.Query.TrimStart('?')}&channel={Uri.EscapeDataString(channel)}".TrimStart('&');

        using var sender = new EventSender(target.Uri, token, ids => Console.WriteLine(string.Join('\n', ids)), Console.Error.WriteLine);
        var form = new Form(parsed.GetValue(_type), id, parsed.GetValue(_json));
        try
        {
            if (data is null)
                problem = await PublishInputAsync(sender, form, interrupted);
            else if (form.TryMake(Encoding.UTF8.GetBytes(data), out var single, out var fault))
                problem = await sender.SendAsync(new[] { single }, interrupted);
            else
                return Remote.Fail(CommandLine.UsageError, $"DATA {fault}.");

            return problem is null ? 0 : Remote.Fail(1, problem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return Remote.Fail(1, $"cannot read standard input: {e.Message}");
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return Remote.Interrupted;
        }
    }

    // Returns what is wrong, or null. What stands before a line that is no event is published.
    private static async Task<string?> PublishInputAsync(EventSender sender, Form form, CancellationToken interrupted)
    {
        var number = 0L;
        await foreach (var lines in InputLines.ReadAsync(Console.OpenStandardInput(), interrupted))
        {
            var (events, fault) = (new List<OutgoingEvent>(lines.Count), (string?)null);
            foreach (var line in lines)
            {
                number++;
                if (form.IsJson && line.AsSpan().Trim(" \t"u8).IsEmpty)
                    continue;

                if (!form.TryMake(line, out var made, out fault))
                    break;

                events.Add(made);
            }

            if (events.Count > 0 && await sender.SendAsync(events.ToArray(), interrupted) is { } problem)
                return problem;

            if (fault is not null)
                return $"Line {number} {fault}.";
        }

        return null;
    }

    /// <summary>What events have in common, and how their data are written.</summary>
    private sealed record Form(string? Type, string? Id, bool IsJson)
    {
        public bool TryMake(
            ReadOnlySpan<byte> data, [NotNullWhen(true)] out OutgoingEvent? made, [NotNullWhen(false)] out string? problem)
        {
            var (id, json) = (Id ?? NanoId.Generate(), new ArrayBufferWriter<byte>());
            var type = Type is null ? "" : $",\"type\":{JsonText.Quote(Type)}";
            json.Write(Encoding.UTF8.GetBytes($"{{\"id\":{JsonText.Quote(id)}{type},\"{(IsJson ? "data" : "text")}\":"));
            problem = !Utf8.IsValid(data) ? "is not valid UTF-8" : IsJson ? ProblemOfJson(data, json) : null;
            if (!IsJson)
                JsonText.WriteString(json, data);

            json.Write("}"u8);
            made = problem is null ? new OutgoingEvent(id, json.WrittenSpan.ToArray()) : null;
            return made is not null;
        }

        // Copies one value, on one line.
        private static string? ProblemOfJson(ReadOnlySpan<byte> data, ArrayBufferWriter<byte> json)
        {
            try
            {
                var reader = new Utf8JsonReader(data, EventJson.Options);
                reader.Read();
                JsonText.CopyValue(ref reader, json);

                // One more read throws if anything follows the value.
                reader.Read();
                return null;
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                return "is not JSON";
            }
        }
    }
}
