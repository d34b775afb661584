using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hypercall.Cli.Commands;

namespace Hypercall.Cli.Output;

/// <summary>
/// The shapes that <c>--json</c> prints. Their names are a promise to scripts. Registers and addresses are strings in
/// hexadecimal, which every option takes back; a JSON number would lose bits above 2^53 in many readers.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ErrorReport))]
[JsonSerializable(typeof(DetectResult))]
[JsonSerializable(typeof(CallResult))]
[JsonSerializable(typeof(RawResult))]
[JsonSerializable(typeof(FunctionsResult))]
[JsonSerializable(typeof(DemoResult))]
[JsonSerializable(typeof(StatusResult))]
[JsonSerializable(typeof(ShellResult))]
[JsonSerializable(typeof(SendResult))]
[JsonSerializable(typeof(MemoryResult))]
[JsonSerializable(typeof(LogResult))]
[JsonSerializable(typeof(KeptResult))]
internal sealed partial class CliJson : JsonSerializerContext
{
    // The default encoder is made for HTML and writes ' as \u0027; this one still escapes every control character.
    public static CliJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
