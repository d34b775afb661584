// SPDX-License-Identifier: GPL-2.0
/* The instruction, with all 15 registers. */
#include <asm/asm.h>
#include <asm/processor.h>
#include <asm/smap.h>

#include "internal.h"

struct counters counters;

/*
 * The frame's address lies on the stack, as the caller's RBP does: the instruction needs every other register. objtool follows
 * both, so that the kernel can unwind the stack from here. A fault goes on at 2, with its vector in RAX (EX_TYPE_FAULT) and all
 * else as it was.
 *
 *   RSP -> the frame's address
 *          RBP of the function below
 */
#define CALL(instruction, frame, fault)						\
	asm volatile(								\
		"push %%rbp\n\t"						\
		"push %%rax\n\t"						\
		"mov 8(%%rax), %%rbx\n\t"					\
		"mov 16(%%rax), %%rcx\n\t"					\
		"mov 24(%%rax), %%rdx\n\t"					\
		"mov 32(%%rax), %%rsi\n\t"					\
		"mov 40(%%rax), %%rdi\n\t"					\
		"mov 48(%%rax), %%rbp\n\t"					\
		"mov 56(%%rax), %%r8\n\t"					\
		"mov 64(%%rax), %%r9\n\t"					\
		"mov 72(%%rax), %%r10\n\t"					\
		"mov 80(%%rax), %%r11\n\t"					\
		"mov 88(%%rax), %%r12\n\t"					\
		"mov 96(%%rax), %%r13\n\t"					\
		"mov 104(%%rax), %%r14\n\t"					\
		"mov 112(%%rax), %%r15\n\t"					\
		"mov (%%rax), %%rax\n"						\
		"1:\t" instruction "\n\t"					\
		"xchg %%rax, (%%rsp)\n\t"					\
		"mov %%rbx, 8(%%rax)\n\t"					\
		"mov %%rcx, 16(%%rax)\n\t"					\
		"mov %%rdx, 24(%%rax)\n\t"					\
		"mov %%rsi, 32(%%rax)\n\t"					\
		"mov %%rdi, 40(%%rax)\n\t"					\
		"mov %%rbp, 48(%%rax)\n\t"					\
		"mov %%r8, 56(%%rax)\n\t"					\
		"mov %%r9, 64(%%rax)\n\t"					\
		"mov %%r10, 72(%%rax)\n\t"					\
		"mov %%r11, 80(%%rax)\n\t"					\
		"mov %%r12, 88(%%rax)\n\t"					\
		"mov %%r13, 96(%%rax)\n\t"					\
		"mov %%r14, 104(%%rax)\n\t"					\
		"mov %%r15, 112(%%rax)\n\t"					\
		"pop %%rbx\n\t"							\
		"mov %%rbx, (%%rax)\n\t"					\
		"xor %%eax, %%eax\n\t"						\
		"jmp 3f\n"							\
		"2:\tpop %%rbx\n"						\
		"3:\tpop %%rbp\n"						\
		_ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_FAULT)			\
		: "=a" (fault)							\
		: "0" (frame)							\
		: "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",	\
		  "r12", "r13", "r14", "r15", "memory", "cc")

/*
 * AC is set around the instruction, for a VMM may inject a page fault for an address of the caller's, which the kernel then
 * serves as if it had touched the page itself.
 */
static noinline u32 execute(struct hypercall_call *frame, bool vmmcall)
{
	unsigned long fault;

	stac();
	if (vmmcall)
		CALL("vmmcall", frame, fault);
	else
		CALL("vmcall", frame, fault);
	clac();
	return fault;
}

long call(struct hypercall_call *request)
{
	int refused;

	if (request->reserved)
		return -EINVAL;
	refused = allow_check(request);
	if (refused)
		return refused;
	request->fault = execute(request, hypercall_instruction() == HYPERCALL_VMMCALL);
	atomic64_inc(&counters.calls);
	if (request->fault)
		atomic64_inc(&counters.faults);
	return 0;
}
