using System.Xml;
using System.Xml.Linq;

namespace Hypercall.TestReport;

/// <summary>The results of one assembly: a TRX file, which is named after it.</summary>
/// <param name="Assembly">The assembly.</param>
/// <param name="Results">Its tests.</param>
/// <param name="Summary">What the file says of the run; empty if it says nothing.</param>
/// <param name="Crash">What it says of a test host that ended; empty if none did.</param>
internal sealed record ResultFile(string Assembly, IReadOnlyList<TestResult> Results, string Summary, string Crash)
{
    /// <summary>Whether tests that did not run are missing, and cannot say so themselves.</summary>
    public bool IsCutShort =>
        Crash.Length != 0 || (Summary is not ("" or "Completed" or "Passed") && !Results.Any(result => result.IsFailed));

    public static ResultFile Read(string path)
    {
        string assembly = Path.GetFileNameWithoutExtension(path);
        try
        {
            // A test may print what XML has no character for.
            using XmlReader reader = XmlReader.Create(path, new XmlReaderSettings { CheckCharacters = false });
            return Of(assembly, XElement.Load(reader));
        }
        catch (XmlException e)
        {
            return new ResultFile(assembly, [], "Unreadable", $"{path} is no XML: {e.Message}");
        }
    }

    private static ResultFile Of(string assembly, XElement run) => new(
        assembly,
        [
            .. Named(run, "UnitTestResult").Select(result => new TestResult(
                (string?)result.Attribute("testName") ?? "",
                (string?)result.Attribute("outcome") is { Length: > 0 } outcome ? outcome : "no outcome",
                Text(result, "ErrorInfo", "Message"),
                Text(result, "ErrorInfo", "StackTrace"),
                Text(result, "StdOut"))),
        ],
        (string?)Named(run, "ResultSummary").FirstOrDefault()?.Attribute("outcome") ?? "",
        Named(run, "Text").Select(text => text.Value).LastOrDefault(IsCrash) ?? "");

    private static bool IsCrash(string text) =>
        text.Contains("test run was aborted", StringComparison.Ordinal)
        || text.Contains("test host process crashed", StringComparison.OrdinalIgnoreCase);

    /// <summary>The text of an element in the output of a result.</summary>
    private static string Text(XElement result, params string[] path) =>
        path.Aggregate(Children([result], "Output"), Children).FirstOrDefault()?.Value ?? "";

    private static IEnumerable<XElement> Children(IEnumerable<XElement> of, string name) =>
        of.Elements().Where(child => child.Name.LocalName == name);

    private static IEnumerable<XElement> Named(XElement run, string name) =>
        run.Descendants().Where(element => element.Name.LocalName == name);
}
