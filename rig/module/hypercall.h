/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/hypercall: what a program asks of the module. All numbers are of x86-64.
 *
 *   HYPERCALL_CALL      the CPU's hypercall instruction at CPL 0, with these registers in and out.
 *                       EOPNOTSUPP: the instruction raised a fault (#UD: no VMM serves it); registers are as they were.
 *   HYPERCALL_ALLOCATE  one buffer for each open file, physically contiguous (kmalloc), zeroed, kept until the file is closed
 *                       and unmapped. In: size, 1 byte to 4 MiB, rounded up to pages. Out: size and address.
 *                       EBUSY: this file has one; EINVAL: the size; ENOMEM.
 *   mmap                the buffer, from offset 0, shared, readable and writable.
 */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct hypercall_frame {
	__u64 rax, rbx, rcx, rdx, rsi, rdi;
};

struct hypercall_buffer {
	__u64 size;	/* bytes */
	__u64 gpa;	/* guest-physical address of the first byte */
};

#define HYPERCALL_CALL		_IOWR('H', 1, struct hypercall_frame)	/* 0xc0304801 */
#define HYPERCALL_ALLOCATE	_IOWR('H', 2, struct hypercall_buffer)	/* 0xc0104802 */

#endif
