// Reads Stryker's report. Prints a line for each folder; writes what survived, or ran in no test, to a file: where, what stood
// there, and what it became.
using System.Globalization;
using System.Text.Json;

using JsonDocument report = JsonDocument.Parse(File.ReadAllText(args[0]));
string root = report.RootElement.GetProperty("projectRoot").GetString()!;
SortedDictionary<string, Dictionary<string, int>> folders = new(StringComparer.Ordinal);
Dictionary<string, int> all = [];
List<string> alive = [];
foreach (JsonProperty file in report.RootElement.GetProperty("files").EnumerateObject())
{
    string path = Path.GetRelativePath(root, file.Name);
    string folder = Path.GetDirectoryName(path) is { Length: > 0 } name ? name : ".";
    string[] lines = file.Value.GetProperty("source").GetString()!.Split('\n');
    foreach (JsonElement mutant in file.Value.GetProperty("mutants").EnumerateArray())
    {
        string status = mutant.GetProperty("status").GetString()!;
        Dictionary<string, int> counts = folders.TryGetValue(folder, out Dictionary<string, int>? known) ? known : folders[folder] = [];
        counts[status] = counts.GetValueOrDefault(status) + 1;
        all[status] = all.GetValueOrDefault(status) + 1;
        if (status is "Survived" or "NoCoverage")
        {
            JsonElement location = mutant.GetProperty("location");
            (int line, int column) = Position(location.GetProperty("start"));
            (int lastLine, int lastColumn) = Position(location.GetProperty("end"));
            string was = line == lastLine ? lines[line][column..lastColumn] : lines[line][column..] + " ...";
            string became = string.Join(' ', mutant.GetProperty("replacement").GetString()!.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            alive.Add(string.Create(CultureInfo.InvariantCulture, $"{status,-10} {path}:{line + 1}  {was.Trim()}  ->  {became}"));
        }
    }
}

File.WriteAllLines(args[1], alive);
Console.WriteLine();
Console.WriteLine(Row("", "killed", "timeout", "survived", "no test", "not built", "ignored", "score"));
foreach ((string folder, Dictionary<string, int> counts) in folders)
{
    Count(folder, counts);
}

Count("all", all);

static (int Line, int Column) Position(JsonElement place) => (place.GetProperty("line").GetInt32() - 1, place.GetProperty("column").GetInt32() - 1);

static string Row(params string[] cells) => string.Concat(cells.Select((cell, column) => column == 0 ? cell.PadRight(22) : cell.PadLeft(10)));

static void Count(string name, Dictionary<string, int> counts)
{
    int found = counts.GetValueOrDefault("Killed") + counts.GetValueOrDefault("Timeout");
    int missed = counts.GetValueOrDefault("Survived") + counts.GetValueOrDefault("NoCoverage");
    if (found + missed != 0)
    {
        string[] kinds = ["Killed", "Timeout", "Survived", "NoCoverage", "CompileError", "Ignored"];
        string score = (100.0 * found / (found + missed)).ToString("0.0", CultureInfo.InvariantCulture) + " %";
        Console.WriteLine(Row([name, .. kinds.Select(kind => counts.GetValueOrDefault(kind).ToString(CultureInfo.InvariantCulture)), score]));
    }
}
