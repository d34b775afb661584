using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Sending;

/// <summary>What RAX can mean after a call of a transfer.</summary>
internal static class RaxRule
{
    /// <summary>Nothing: a call that completed has done all its bytes.</summary>
    public static TransferAnswer Nothing(in HypercallRegisters registers, long length) => TransferAnswer.Done(length);

    /// <summary>How many bytes of the call are done.</summary>
    public static TransferAnswer Bytes(in HypercallRegisters registers, long length) => registers.Rax <= (ulong)length
        ? TransferAnswer.Done((long)registers.Rax)
        : TransferAnswer.Failed($"RAX = {RegisterValue.Describe(registers.Rax)} is no number of bytes: the call was given {length}.");

    /// <summary>0 is success, anything else the number of an error.</summary>
    public static TransferAnswer Status(in HypercallRegisters registers, long length) => registers.Rax == 0
        ? TransferAnswer.Done(length)
        : TransferAnswer.Failed($"it returned RAX = {RegisterValue.Describe(registers.Rax)}.");
}
