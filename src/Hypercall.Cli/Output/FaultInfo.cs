using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Output;

/// <summary>A CPU fault in JSON.</summary>
internal sealed record FaultInfo(
    string Fault, string? Instruction, string? CpuVendor, uint Code, int TrapNumber, string ErrorCode, string Address, string Advice)
{
    public static FaultInfo Of(in CpuFault fault) => new(
        fault.Mnemonic,
        fault.Target?.Way,
        fault.Target?.Cpu.Vendor,
        fault.Code,
        fault.TrapNumber,
        RegisterValue.Hex(fault.ErrorCode),
        RegisterValue.Hex(fault.Address.Value),
        ToolWords.Of(fault.Advice));
}
