/* 15 registers, there and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static u64 add, mix, same, minus_one, clobber;

static u64 sum(const struct hypercall_call *f) { return f->rbx + f->rcx + f->rdx + f->rsi + f->rdi; }

/* rig/ABI.md, "Registers". */
static struct hypercall_call expected(struct hypercall_call f)
{
	struct hypercall_call out = f;

	if (f.rax == add) {
		out.rax = sum(&f);
	} else if (f.rax == mix) {
		out.rax = 0;
		out.rbx = ~f.rbx;
		out.rcx = f.rcx << 13 | f.rcx >> 51;
		out.rdx = f.rdx ^ f.rsi;
		out.rsi = f.rdi;
		out.rdi = f.rax;
	} else if (f.rax == minus_one) {
		out.rax = ~0ull;
	} else if (f.rax == clobber) {
		out.rax = 0;
		out.rbx = 0xC10B000000000001;
		out.rcx = 0xC10B000000000002;
		out.rdx = 0xC10B000000000003;
		out.rsi = 0xC10B000000000004;
		out.rdi = 0xC10B000000000005;
	}
	return out;
}

static const char *compare(const struct hypercall_call *sent, const struct hypercall_call *got,
			   const struct hypercall_call *right)
{
	const u64 *s = (const u64 *)sent, *g = (const u64 *)got, *r = (const u64 *)right;

	for (int i = 0; i < REGISTERS; i++)
		CHECK(g[i] == r[i], "function %llu, register %d: sent 0x%llx, got 0x%llx, not 0x%llx", sent->rax, i,
		      s[i], g[i], r[i]);
	CHECK(got->fault == 0 && got->reserved == 0, "fault %u, reserved %u", got->fault, got->reserved);
	return NULL;
}

static const char *names(void)
{
	int file = open_device();

	CHECK(file >= 0, "open: error %d", -file);
	CHECK(allow("bitvisor:0") == 0, "bitvisor:0");
	add = number_of(file, "add");
	mix = number_of(file, "mix");
	same = number_of(file, "same");
	minus_one = number_of(file, "minus_one");
	clobber = number_of(file, "clobber");
	CHECK(add && mix && same && minus_one && clobber, "the rig's functions are not found");
	close(file);
	return NULL;
}

static const char *frames(void)
{
	const u64 numbers[] = { add, mix, same, minus_one, clobber };
	u64 count = scale ? scale : 1000, state = 1, calls = counter("calls"), faults = counter("faults");
	int file = open_device(), error;
	char list[256];

	snprintf(list, sizeof(list), "bitvisor:%llu,bitvisor:%llu,bitvisor:%llu,bitvisor:%llu,bitvisor:%llu", add,
		 mix, same, minus_one, clobber);
	CHECK((error = allow(list)) == 0, "%s: error %d", list, error);
	for (u64 i = 0; i < count; i++) {
		struct hypercall_call sent = { 0 }, got, right;

		for (int r = 1; r < REGISTERS; r++)
			((u64 *)&sent)[r] = random_of(&state);
		sent.rax = numbers[u64_below(&state, 5)];
		sent.fault = 0xffffffff;
		got = sent;
		CHECK((error = call(file, &got)) == 0, "call %llu: error %d", i, error);
		right = expected(sent);
		TRY(compare(&sent, &got, &right));
	}
	CHECK(counter("calls") == calls + count && counter("faults") == faults,
	      "counters: %llu calls, %llu faults", counter("calls"),
	      counter("faults"));
	close(file);
	return NULL;
}

static const char *outside(void)
{
	struct hypercall_call frame = { .rax = 0 };
	int file = open_device(), error;

	CHECK((error = call(file, &frame)) == EACCES, "function 0: error %d", error);
	close(file);
	return NULL;
}

void frame_tests(void)
{
	test("names are found from CPL 0, in the caller's memory", names);
	test("random frames: 15 registers go there and back", frames);
	test("a number that the list does not name is refused", outside);
	allow("*");
}

static const char *faults(void)
{
	u64 count = scale ? scale : 1000, state = 2, calls = counter("calls"), before = counter("faults");
	int file = open_device(), error;

	CHECK(file >= 0, "open: error %d", -file);
	CHECK(allow("*") == 0, "*");
	for (u64 i = 0; i < count; i++) {
		struct hypercall_call sent, got;

		for (int r = 0; r < REGISTERS; r++)
			((u64 *)&sent)[r] = random_of(&state);
		sent.fault = 0;
		sent.reserved = 0;
		got = sent;
		CHECK((error = call(file, &got)) == 0, "error %d", error);
		CHECK(got.fault == 6, "vector %u", got.fault);
		got.fault = 0;
		CHECK(!memcmp(&sent, &got, sizeof(sent)), "a register has changed");
	}
	CHECK(counter("calls") == calls + count && counter("faults") == before + count,
	      "counters: %llu faults", counter("faults"));
	close(file);
	return NULL;
}

void no_vmm_tests(void)
{
	test("without a VMM every call is fault 6, and no register changes", faults);
}

static const char *kvm_answers(void)
{
	/* ../../../docs/guests.md; Linux, Documentation/virt/kvm/x86/hypercalls.rst */
	static const struct { u64 number; int64_t answer; } answers[] = { { 1, 0 }, { 5, 0 }, { 11, 0 }, { 999, -1000 } };
	int file = open_device(), error;

	CHECK(file >= 0, "open: error %d", -file);
	CHECK(allow("kvm:1,kvm:5,kvm:11,kvm:999") == 0, "the list");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct hypercall_call frame = { .rax = answers[i].number, .rbp = 6, .r8 = 8, .r15 = 15 };

		CHECK((error = call(file, &frame)) == 0 && frame.fault == 0,
		      "number %llu: error %d, fault %u", answers[i].number, error, frame.fault);
		CHECK((int64_t)frame.rax == answers[i].answer, "number %llu: %lld", answers[i].number, (long long)frame.rax);
		CHECK(frame.rbp == 6 && frame.r8 == 8 && frame.r15 == 15 && frame.rbx == 0,
		      "number %llu: another register has changed", answers[i].number);
	}
	close(file);
	return NULL;
}

static const char *kvm_outside(void)
{
	struct hypercall_call frame = { .rax = 10 };
	int file = open_device(), error;

	CHECK((error = call(file, &frame)) == EACCES, "number 10: error %d", error);
	close(file);
	return NULL;
}

void kvm_tests(void)
{
	test("KVM answers from CPL 0: 1, 5 and 11 with 0, an unknown number with -1000", kvm_answers);
	test("a number outside of the list does not reach KVM", kvm_outside);
	allow("*");
}
