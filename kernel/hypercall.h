/* SPDX-License-Identifier: MIT */
/*
 * /dev/hypercall: what a program asks of the module. All numbers are of x86-64; words are of the machine's byte order.
 *
 *   HYPERCALL_ABOUT     what the module is: version of this interface, the instruction, limits.
 *   HYPERCALL_CALL      the CPU's hypercall instruction at CPL 0 in the caller's address space, with 15 registers in and out.
 *                       0: it was executed. `fault` 0: it completed, registers are the VMM's answer. Otherwise `fault` is the vector
 *                       of the CPU's exception (6 #UD, 13 #GP, 14 #PF), and registers are as they were.
 *                       EACCES: the allow-list does not name the call. EPERM: the kernel is locked down, and the list that was compiled
 *                       in does not name it. EINVAL: `reserved` is not 0. Nothing was executed then. EFAULT: the struct could not be
 *                       read (nothing was executed), or not be written back (it was).
 *   HYPERCALL_ALLOCATE  a buffer, physically contiguous, zeroed, pinned by nature. In: size, 1 byte to `largest_buffer`, rounded up to
 *                       pages; flags. Out: size, address, id. Freed when the open file is closed and every mapping of it is gone, unless
 *                       it is kept. ENOSPC: a limit of the module (its parameters); ENOMEM: no contiguous memory; EINVAL: size or flags.
 *   HYPERCALL_KEEP      marks a buffer of this open file kept: the VMM may use its address from now on. It survives close and SIGKILL,
 *                       and the module cannot be unloaded, until it is released. In: id. ENOENT: no such buffer. Done twice: no error.
 *   HYPERCALL_RELEASE   the VMM has let go of a buffer. In: id. A buffer of this open file: kept no longer, freed with the file. A kept
 *                       buffer whose file is closed: freed. ENOENT: no such buffer; EBUSY: it is another open file's.
 *                       Root can do the same by writing the id to the device's `release` file in sysfs.
 *   HYPERCALL_FREE      frees a buffer of this open file before its close. In: id. ENOENT; EBUSY: it is kept, or still mapped.
 *   mmap                a buffer: offset = id * 4096, shared, readable and writable, the whole or its first pages. Kept buffers whose
 *                       file is closed can be mapped by whoever may open the device: to go on reading a log ring. ENXIO: no such
 *                       buffer, or another open file's; EINVAL: not shared, or longer than the buffer.
 *
 * open(2): EPERM without CAP_SYS_RAWIO in the initial user namespace.
 */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HYPERCALL_ABI		1

#define HYPERCALL_VMCALL	1	/* Intel, Centaur, Zhaoxin: 0f 01 c1 */
#define HYPERCALL_VMMCALL	2	/* AMD, Hygon: 0f 01 d9 */

struct hypercall_about {
	__u32 abi;		/* HYPERCALL_ABI */
	__u32 instruction;	/* HYPERCALL_VMCALL or HYPERCALL_VMMCALL */
	__u64 largest_buffer;	/* bytes that one buffer may have */
	__u64 largest_total;	/* bytes that all buffers of all files may have together */
	__u32 buffers;		/* buffers that one open file may have */
	__u32 reserved;		/* 0 */
};

struct hypercall_call {
	__u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	__u32 fault;		/* out: vector of the exception; 0: none */
	__u32 reserved;		/* in: 0 */
};

#define HYPERCALL_KEPT		1	/* flags: kept from the start */

struct hypercall_buffer {
	__u64 size;		/* bytes */
	__u64 gpa;		/* out: guest-physical address of the first byte */
	__u32 id;		/* out: 1 and up, never used twice until the counter wraps */
	__u32 flags;		/* in: 0 or HYPERCALL_KEPT */
};

#define HYPERCALL_ABOUT		_IOR('H', 0, struct hypercall_about)		/* 0x80204800 */
#define HYPERCALL_CALL		_IOWR('H', 1, struct hypercall_call)		/* 0xc0804801 */
#define HYPERCALL_ALLOCATE	_IOWR('H', 2, struct hypercall_buffer)		/* 0xc0184802 */
#define HYPERCALL_KEEP		_IOW('H', 3, __u32)				/* 0x40044803 */
#define HYPERCALL_RELEASE	_IOW('H', 4, __u32)				/* 0x40044804 */
#define HYPERCALL_FREE		_IOW('H', 5, __u32)				/* 0x40044805 */

#endif
