using System.Reflection;

namespace SseListener;

/// <summary>Which version of the program this is.</summary>
internal static class ProgramVersion
{
    /// <summary>The version, such as 1.2.3.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
