using System.Globalization;
using Hypercall.TestReport;

// What ./test prints at its end. Usage: FOLDER EXIT_CODE SECONDS NOTES FILTER
//   FOLDER      where the TRX files are
//   EXIT_CODE   of `dotnet test`
//   SECONDS     that all of it took
//   NOTES       a file with what is to be told of the guests; it need not exist
//   FILTER      what `dotnet test` was told to run; empty for everything
if (args is not [string folder, string exitCode, string seconds, string notes, string filter])
{
    Console.Error.WriteLine("Usage: Hypercall.TestReport FOLDER EXIT_CODE SECONDS NOTES FILTER");
    return 2;
}

TestRun run = new()
{
    Files = [.. Directory.EnumerateFiles(folder, "*.trx").Order(StringComparer.Ordinal).Select(ResultFile.Read)],
    ExitCode = int.Parse(exitCode, CultureInfo.InvariantCulture),
    Seconds = int.Parse(seconds, CultureInfo.InvariantCulture),
    Notes = File.Exists(notes) ? File.ReadAllLines(notes) : [],
    Filter = filter,
    Folder = folder,
};
return run.Print(Console.Out) ? 0 : 1;
