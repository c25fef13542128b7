using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A parameter that an endpoint does not have is refused: what it was meant for would not happen.</summary>
public sealed class MisspeltParameters
{
    [TestCase("GET", "/events?chanel=private", "chanel", "channel")]
    [TestCase("GET", "/events?channel=a&Channel=b", "Channel", "channel")]
    [TestCase("GET", "/events?channels[]=a", "channels[]", "channel")]
    [TestCase("GET", "/events?last-event-id=a", "last-event-id", "lastEventId")]
    [TestCase("GET", "/events?lasteventid=a", "lasteventid", "lastEventId")]
    [TestCase("GET", "/events?envelop=1", "envelop", "envelope")]
    [TestCase("GET", "/events?tokne=a", "tokne", "token")]
    [TestCase("POST", "/events?chanel=private", "chanel", "channel")]
    [TestCase("POST", "/generate?chan%65l=private", "chanel", "channel")]
    [TestCase("POST", "/events?tpye=a", "tpye", "type")]
    [TestCase("POST", "/events?ID=a", "ID", "id")]
    [TestCase("POST", "/events?retyr=1", "retyr", "retry")]
    public Task The_nearest_right_one_is_named(string method, string path, string name, string meant) =>
        IsRefusedAsync(method, path, $"The parameter \"{name}\" is unknown here. Did you mean \"{meant}\"? Those there are: channel, ");

    [TestCase("POST", "/events?lastEventId=a", "It is a parameter of GET /events only. Those there are: channel, type, id, retry, end.")]
    [TestCase("POST", "/events?envelope=1", "It is a parameter of GET /events only.")]
    [TestCase("POST", "/events?token=a", "A token is sent as Authorization: Bearer here.")]
    [TestCase("POST", "/events?data=a", "is unknown here. Those there are: channel, type, id, retry, end.")]
    [TestCase("POST", "/events?r=1", "The parameter \"r\" is unknown here.")]
    [TestCase("POST", "/events?=a", "The parameter \"\" is unknown here.")]
    [TestCase("GET", "/events?id=a", "It is a parameter of publishing text/plain; with JSON it is a member of the event.")]
    [TestCase("GET", "/events?anything", "Those there are: channel, lastEventId, last_event_id, rewind, envelope, token, limit.")]
    [TestCase("DELETE", "/clients/nobody?chanel=a", "This resource has no parameters.")]
    [TestCase("GET", "/healthz?channel=a", "The parameter \"channel\" is unknown here. This resource has no parameters.")]
    [TestCase("GET", "/status?token=a", "A token is sent as Authorization: Bearer here. This resource has no parameters.")]
    [TestCase("GET", "/metrics?name[]=a", "This resource has no parameters.")]
    public Task One_that_is_of_another_place_is_refused_everywhere(string method, string path, string detail) => IsRefusedAsync(method, path, detail);

    [TestCase("application/json", "/events?id=a")]
    [TestCase("application/json", "/generate?channel=default&type=a")]
    [TestCase("application/json; charset=utf-8", "/events?retry=1")]
    [TestCase("application/x-ndjson", "/events?id=a")]
    public async Task Beside_JSON_the_query_has_nothing_of_the_event(string type, string path)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync(path, type, """{"data":1}""");
        await Problem.ExpectAsync(answer, 400, "It is a parameter of publishing text/plain; with JSON it is a member of the event. Those there are: channel, end.");
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("GET", "/events?envelope=1&envelope=1", "envelope")]
    [TestCase("GET", "/events?token=a&channel=b&token=a", "token")]
    [TestCase("POST", "/events?id=a&id=b", "id")]
    [TestCase("POST", "/events?type=a&type=a", "type")]
    [TestCase("POST", "/events?retry=1&retry=2", "retry")]
    public Task What_may_stand_once_is_not_given_twice(string method, string path, string name) =>
        IsRefusedAsync(method, path, $"The parameter \"{name}\" may be given once only.");

    // jQuery appends _, and the EventSource polyfill of Yaffle, in old versions, its last id, also an empty one, and r.
    [TestCase("GET", "/events?_=1700000000")]
    [TestCase("GET", "/events?channel=default&lastEventId=&r=24601")]
    [TestCase("POST", "/events?_=1700000000")]
    [TestCase("GET", "/healthz?_=1")]
    [TestCase("GET", "/?chanel=1&chanel=2")]
    public async Task What_keeps_caches_away_does_no_harm(string method, string path)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, path);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
    }

    [TestCase("?lastEventId=earliest&lastEventId=&r=1", "one", "two")]
    [TestCase("?lastEventId=earliest&lastEventId=one&r=1", "two")]
    [TestCase("?lastEventId=earliest&last_event_id=one", "two")]
    public async Task The_last_id_that_a_polyfill_appends_counts(string query, params string[] ids)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1,"id":"one"}""");
        await server.PublishAsync("""{"data":2,"id":"two"}""");
        await using var client = await server.SubscribeAsync(query);
        foreach (var id in ids)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task The_log_does_not_name_it_for_it_may_be_a_token()
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events?token%3DSECRET");
        await Problem.ExpectAsync(answer, 400, "The parameter \"token=SECRET\" is unknown here.");
        await server.LogsAsync(" 400: a query parameter is unknown there, or given twice");
        Assert.That(server.Logged, Does.Not.Contain("SECRET"));
    }

    private static async Task IsRefusedAsync(string method, string path, string detail)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.SendAsync(method, path);
        await Problem.ExpectAsync(answer, 400, detail);
        await server.ExpectNothingArrivedAsync(subscriber);
    }
}
