/* The allow-list: how it is written, and what it lets through. A call that is let through may fault: there may be no VMM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static const char *by_default(void)
{
	struct hypercall_call frame = { .rax = 1, .rbx = 2 }, before = frame;
	int file = open_device(), error;
	char text[64];
	u64 refusals, calls;

	CHECK(file >= 0, "open: error %d", -file);
	CHECK((error = unload()) == EAGAIN, "unloaded while it is open: error %d", error);
	close(file);
	CHECK((error = unload()) == 0, "it does not unload: error %d", error);
	CHECK((error = load(module_file("hypercall.ko"), "")) == 0, "it does not load: error %d", error);
	CHECK(!strcmp(get(ALLOW, text, sizeof(text)), "\n"), "the list is %s", text);
	refusals = counter("refusals");
	calls = counter("calls");
	file = open_device();
	CHECK((error = call(file, &frame)) == EACCES, "error %d", error);
	CHECK(!memcmp(&frame, &before, sizeof(frame)), "the frame has changed");
	CHECK(counter("refusals") == refusals + 1 && counter("calls") == calls, "counters: %llu refusals", counter("refusals"));
	CHECK(log_has("refused: module-test, process ") && log_has("RAX 0x1,") && log_has("echo xen:17 >/sys/module/hypercall/parameters/allow"),
	      
	      "the log does not say who called what, and how to open the list");
	close(file);
	return NULL;
}

static const char *reserved(void)
{
	struct hypercall_call frame = { .rax = 1, .reserved = 1 };
	int file = open_device(), error;

	CHECK(allow("*") == 0, "*");
	CHECK((error = call(file, &frame)) == EINVAL, "error %d", error);
	CHECK((error = call(file, NULL)) == EFAULT, "no frame: error %d", error);
	close(file);
	return NULL;
}

/* Registers as struct hypercall_call has them. */
enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15 };

static const char *matches(void)
{
	static const struct { const char *list; int reg; u64 value; bool allowed; } cases[] = {
		{ "", RAX, 0, false },
		{ "*", RAX, 0x123456789abcdef, true },
		{ "bitvisor:0-127", RAX, 0, true }, { "bitvisor:0-127", RAX, 127, true }, { "bitvisor:0-127", RAX, 128, false },
		{ "bitvisor:0-127", RAX, 1ull << 32, false }, { "bitvisor:0-127", RAX, ~0ull, false },
		{ "xen:17", RAX, 17, true }, { "xen:17", RAX, 16, false }, { "XEN:0x11", RAX, 17, true },
		{ "xen:17,xen:29", RAX, 29, true }, { "xen:17,xen:29", RAX, 18, false },
		{ "kvm:1", RAX, 1, true }, { "hyper-v:8", RCX, 0x10008, true }, { "hyper-v:8", RCX, 0x10009, false },
		{ "vmware:10", RCX, 10, true }, { "acrn:0x80000000", R8, 0x80000000, true },
		{ "nyx:3", RBX, 3, true }, { "nyx:3", RCX, 3, false },
		{ "rcx[15:0]:8", RCX, 0xffff0008, true }, { "rcx[15:0]:8", RCX, 0x80000, false },
		{ "RAX[31:16]:5", RAX, 0x54711, true },
		{ "rax[63:63]:1", RAX, 1ull << 63, true }, { "rax[63:63]:1", RAX, ~0ull >> 1, false },
		{ "r15:7", R15, 7, true }, { "rbp:7", RBP, 7, true },
		{ "rax:0-18446744073709551615", RAX, ~0ull, true }, { "rax[63:0]:0xffffffffffffffff", RAX, ~0ull, true },
		{ "rdx:99999,nyx:1-2,xen:17", RAX, 17, true },
	};
	int file = open_device(), error;
	char text[128], said[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* In the other registers are numbers that no list here names, and that no VMM minds. */
		struct hypercall_call frame;
		u64 *registers = (u64 *)&frame;

		memset(&frame, 0x7e, sizeof(frame));
		frame.reserved = 0;
		frame.rax = cases[i].reg == RAX || cases[i].reg == RBX ? 0x7e : 0xffff7e;
		registers[cases[i].reg] = cases[i].value;
		CHECK((error = allow(cases[i].list)) == 0, "\"%s\" is not taken: error %d", cases[i].list, error);
		snprintf(said, sizeof(said), "%s\n", cases[i].list);
		CHECK(!strcmp(get(ALLOW, text, sizeof(text)), said), "\"%s\" reads as %s", cases[i].list, text);
		error = call(file, &frame);
		CHECK(error == (cases[i].allowed ? 0 : EACCES),
		      "\"%s\", 0x%llx in register %d: error %d", cases[i].list, cases[i].value, cases[i].reg, error);
	}
	close(file);
	return NULL;
}

static const char *wrong(void)
{
	static const struct { const char *list, *said; } cases[] = {
		{ "xne:17", "\"xne:17\", character 1: this is neither a convention nor a register" },
		{ "xen:17,", "\"xen:17,\", character 8: an entry is missing" },
		{ "xen:17,,kvm:1", "character 8: an entry is missing" },
		{ "xen", "character 4: a colon and numbers are missing" },
		{ "xen:", "character 5: a number is missing" },
		{ "xen:17 ", "character 7: behind an entry comes a comma" },
		{ "xen:17;kvm:1", "character 7: behind an entry comes a comma" },
		{ "xen:5-3", "a range begins with its lower number" },
		{ "xen:-1", "a number is missing" },
		{ "xen:0x", "a number is missing" },
		{ "xen:18446744073709551616", "a number has more than 64 bits" },
		{ "hyper-v:65536", "the number does not fit its field" },
		{ "rcx[0:15]:1", "bits are 63 to 0, the higher one first" },
		{ "rcx[64:0]:1", "bits are 63 to 0, the higher one first" },
		{ "rcx[15]:1", "bits are written [HIGH:LOW]" },
		{ "rcx[15:0:1", "bits are written [HIGH:LOW]" },
		{ "xen[15:0]:1", "a colon and numbers are missing" },
		{ "rsp:1", "this is neither a convention nor a register" },
		{ "**", "behind an entry comes a comma" },
		{ "xen:1\nkvm:2", "the list is one line" },
	};
	int file = open_device(), error;
	char text[2048];

	CHECK(allow("rax:0x7d") == 0, "a right list");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hypercall_call frame = { .rax = 0x7d };

		log_mark();
		CHECK((error = allow(cases[i].list)) == EINVAL, "\"%s\": error %d", cases[i].list, error);
		CHECK(log_has(cases[i].said), "\"%s\": the log does not say: %s", cases[i].list, cases[i].said);
		CHECK(!strcmp(get(ALLOW, text, sizeof(text)), "rax:0x7d\n"),
		      "\"%s\": the list in force is now %s", cases[i].list, text);
		CHECK(call(file, &frame) == 0, "\"%s\": the list before is no longer in force", cases[i].list);
	}
	text[0] = 0;
	for (int i = 0; i < 65; i++)
		strcat(text, i == 0 ? "rax:1" : ",rax:1");
	CHECK((error = allow(text)) == EINVAL, "65 entries: error %d", error);
	*strrchr(text, ',') = 0;
	CHECK((error = allow(text)) == 0, "64 entries: error %d", error);
	memset(text, '0', 1100);
	memcpy(text, "rax:", 4);
	text[1100] = 0;
	CHECK((error = allow(text)) == EINVAL, "1,100 characters: error %d", error);
	text[1023] = 0;
	CHECK((error = allow(text)) == 0, "1,023 characters: error %d", error);
	close(file);
	CHECK(unload() == 0, "it does not unload");
	CHECK((error = load(module_file("hypercall.ko"), "allow=xne:17")) == EINVAL, "loaded with a wrong list: error %d", error);
	CHECK((error = load(module_file("hypercall.ko"), "allow=xen:17,rcx[15:0]:8")) == 0,
	      "not loaded with a right list: error %d", error);
	return NULL;
}

static const char *while_calls_run(void)
{
	pid_t callers[3];
	int status;

	CHECK(allow("") == 0, "the empty list");
	for (int i = 0; i < 3; i++) {
		callers[i] = fork();
		if (callers[i] == 0) {
			int file = open_device();

			for (;;) {
				struct hypercall_call frame = { .rax = 0x7d };
				int error = call(file, &frame);

				if (error != 0 && error != EACCES)
					_exit(1);
				frame = (struct hypercall_call){ .rax = 0x7c };
				if (call(file, &frame) != EACCES) /* never in a list */
					_exit(2);
			}
		}
	}
	for (int i = 0; i < 300; i++)
		CHECK(allow(i % 3 == 0 ? "" : i % 3 == 1 ? "rax:0x7d" : "xen:1,kvm:2,bitvisor:0x7d") == 0, "list %d", i);
	for (int i = 0; i < 3; i++) {
		kill(callers[i], SIGKILL);
		waitpid(callers[i], &status, 0);
		CHECK(WIFSIGNALED(status), "a caller saw a call that was never allowed, or an error: %d", WEXITSTATUS(status));
	}
	return NULL;
}

void list_tests(void)
{
	test("by default nothing may be called, and the log says how to open it", by_default);
	test("a frame whose reserved word is not 0 is refused", reserved);
	test("what a list names is let through, and nothing else", matches);
	test("a wrong list is refused when it is written, and the log says where", wrong);
	test("a list may change while calls run", while_calls_run);
	allow("*");
}
