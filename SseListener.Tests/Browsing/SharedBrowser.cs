using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>The one Chromium that the tests of the page share, a context each.</summary>
[SetUpFixture]
public sealed class SharedBrowser
{
    [OneTimeTearDown]
    public Task EndAsync() => BrowserPage.EndAsync();
}
