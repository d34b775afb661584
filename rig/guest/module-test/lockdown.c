/* A kernel that is locked down: only what was compiled in counts. Nothing undoes it before the next boot. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "test.h"

#define LOCKDOWN	"/sys/kernel/security/lockdown"

static int call_number(int file, u64 number)
{
	struct hypercall_call frame = { .rax = number };

	return call(file, &frame);
}

static const char *lockdown(void)
{
	const u64 named = 0x7d, other = 0x7c, third = 0x7b;
	struct hypercall_buffer buffer;
	char text[256];
	int file, error;
	void *at;

	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	if (!get(LOCKDOWN, text, sizeof(text))[0])
		return skip("this kernel has no " LOCKDOWN);
	CHECK(strstr(text, "[none]"), "locked down already: %s", text);

	/* hypercall-listed.ko: make ALLOW=rax:0x7d */
	CHECK((error = unload()) == 0, "it does not unload: error %d", error);
	CHECK((error = load(module_file("hypercall-listed.ko"), "")) == 0, "load: error %d", error);
	file = open_device();
	CHECK((error = call_number(file, named)) == 0, "what was compiled in is refused: error %d", error);
	CHECK((error = call_number(file, other)) == EACCES, "what was not compiled in: error %d", error);
	CHECK(allow("rax:0x7c") == 0, "the list");
	CHECK((error = call_number(file, other)) == 0, "what the parameter names is refused: error %d", error);
	CHECK((error = call_number(file, named)) == 0, "with a list, what was compiled in is refused: error %d", error);

	CHECK((error = put(LOCKDOWN, "integrity\n")) == 0, "integrity: error %d", error);
	CHECK((error = call_number(file, named)) == 0, "locked down, what was compiled in is refused: error %d", error);
	CHECK((error = call_number(file, other)) == EPERM, "locked down, what the parameter names: error %d", error);
	CHECK((error = call_number(file, third)) == EACCES, "locked down, what nobody names: error %d", error);
	CHECK(log_has("The kernel is locked down, and then only the list that was compiled in counts (\"rax:0x7d\")"),
	      "the log does not say so");
	CHECK(allow("*") == 0, "the list");
	CHECK((error = call_number(file, other)) == EPERM, "locked down, *: error %d", error);
	CHECK(allocate(file, 1, HYPERCALL_KEPT, &buffer) == 0, "no buffer under lockdown");
	at = map(file, buffer.id, PAGE);
	CHECK(at && with_id(file, HYPERCALL_RELEASE, buffer.id) == 0, "not mapped, or not released, under lockdown");
	munmap(at, PAGE);
	close(file);
	CHECK((error = unload()) == 0, "it does not unload under lockdown: error %d", error);
	CHECK((error = load(module_file("hypercall.ko"), "allow=*")) == EPERM,
	      "an unsigned module is loaded while locked down: error %d", error);
	return NULL;
}

void lockdown_tests(void)
{
	test("under lockdown only the list that was compiled in counts", lockdown);
}
