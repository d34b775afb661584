namespace Hypercall.Native;

/// <summary>Which instruction accesses a port.</summary>
public enum PortDirection
{
    /// <summary>IN: the port is read into AL, AX or EAX.</summary>
    In,

    /// <summary>OUT: AL, AX or EAX is written to the port.</summary>
    Out,
}
