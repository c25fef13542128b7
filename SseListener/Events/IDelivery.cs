namespace SseListener.Events;

/// <summary>What delivers events to those who listen.</summary>
internal interface IDelivery
{
    /// <summary>Told that a topic has something new, once it can be read. It must not wait for anybody.</summary>
    void Wake(Topic topic);
}
