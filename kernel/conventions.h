/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where calling conventions put the number of a call: name, register, highest and lowest bit. The same as the fields of
 * src/Hypercall.Abstractions/Conventions/HypercallConvention.WellKnown.cs, which says the source of each; a test compares them.
 * VMware's port is not here: its instruction is IN, which this module does not execute.
 */
CONVENTION("bitvisor", RAX, 63, 0)
CONVENTION("kvm",      RAX, 63, 0)
CONVENTION("xen",      RAX, 63, 0)
CONVENTION("hyper-v",  RCX, 15, 0)
CONVENTION("vmware",   RCX, 15, 0)
CONVENTION("acrn",     R8,  63, 0)
CONVENTION("nyx",      RBX, 63, 0)
