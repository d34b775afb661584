/*
 * Tests of the kernel module in a guest, as root; a part of them by name. TAP goes to standard output.
 *
 *   module-test rights|list|frames|no-vmm|kvm|kept|stress|loads|lockdown [NUMBER]
 *
 * frames, kept: under the rig's VMM. no-vmm: under none. kvm: under KVM. lockdown: once in a boot, for nothing ends a lockdown.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

u64 scale;

static char message[2048];
static int number, failures;

const char *fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	return message;
}

const char *skip(const char *format, ...)
{
	va_list list;
	size_t length = strlen(strcpy(message, "# SKIP "));

	va_start(list, format);
	vsnprintf(message + length, sizeof(message) - length, format, list);
	va_end(list);
	return message;
}

void test(const char *name, test_function run)
{
	const char *problem;

	log_mark();
	problem = run();
	if (!problem)
		problem = log_complaints();
	if (problem && !strncmp(problem, "# SKIP ", 7)) {
		printf("ok %d - module: %s %s\n", ++number, name, problem);
	} else if (problem) {
		failures++;
		printf("not ok %d - module: %s\n#  %s\n", ++number, name, problem);
	} else {
		printf("ok %d - module: %s\n", ++number, name);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } parts[] = {
		{ "rights", rights_tests }, { "list", list_tests }, { "frames", frame_tests }, { "no-vmm", no_vmm_tests },
		{ "kvm", kvm_tests },
		{ "kept", kept_tests }, { "stress", stress_tests }, { "loads", load_tests }, { "lockdown", lockdown_tests },
	};

	scale = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	for (size_t i = 0; argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!strcmp(argv[1], parts[i].name)) {
			parts[i].run();
			printf("1..%d\n", number);
			return failures != 0;
		}
	}
	fprintf(stderr, "usage: module-test rights|list|frames|no-vmm|kvm|kept|stress|loads|lockdown [NUMBER]\n");
	return 2;
}
