/* Runs a program on a host that answers some of its system calls itself, as a container, a service manager or an emulated kernel does.
 *
 *   sandbox RULE... -- PROGRAM ARGUMENT...
 *
 *   mlock=EPERM            the call fails with that errno
 *   madvise.2.16=EINVAL    only if argument 2 (from 0, its lower 32 bits) is 16
 *   mlock=0                the call is answered with 0, and not made
 *   fsopen=kill            the process ends with SIGSYS
 *
 * The first rule that fits counts. seccomp(2), linux/filter.h, linux/seccomp.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct name { const char *text; int value; };

static const struct name calls[] = {
	{ "capget", SYS_capget }, { "fsopen", 430 }, { "futex", SYS_futex }, { "getrlimit", SYS_getrlimit }, { "io_uring_register", 427 },
	{ "io_uring_setup", 425 }, { "ioperm", SYS_ioperm }, { "iopl", SYS_iopl }, { "madvise", SYS_madvise }, { "memfd_create", SYS_memfd_create }, { "mincore", SYS_mincore }, { "mlock", SYS_mlock },
	{ "mlock2", SYS_mlock2 }, { "mmap", SYS_mmap }, { "mprotect", SYS_mprotect }, { "msync", SYS_msync }, { "prlimit64", SYS_prlimit64 },
	{ "rt_sigaction", SYS_rt_sigaction }, { "rt_sigprocmask", SYS_rt_sigprocmask }, { "sched_setaffinity", SYS_sched_setaffinity },
	{ "sigaltstack", SYS_sigaltstack }, { NULL, 0 },
};

static const struct name answers[] = {
	{ "0", 0 }, { "EACCES", EACCES }, { "EAGAIN", EAGAIN }, { "EINTR", EINTR }, { "EINVAL", EINVAL }, { "EIO", EIO }, { "EMFILE", EMFILE },
	{ "ENFILE", ENFILE }, { "ENOMEM", ENOMEM }, { "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "kill", -1 }, { NULL, 0 },
};

static struct sock_filter program[512];
static unsigned short length;

static void add(unsigned short code, unsigned value, unsigned char if_true, unsigned char if_false)
{
	if (length == sizeof program / sizeof *program) {
		fprintf(stderr, "sandbox: too many rules\n");
		exit(2);
	}
	program[length++] = (struct sock_filter){ code, if_true, if_false, value };
}

static int value_of(const struct name *table, const char *text)
{
	while (table->text && strcmp(table->text, text))
		table++;
	if (!table->text) {
		fprintf(stderr, "sandbox: what is '%s'?\n", text);
		exit(2);
	}
	return table->value;
}

static void add_rule(char *rule)
{
	char *answer = strchr(rule, '=');
	char *argument = strchr(rule, '.');
	unsigned index = 0, wanted = 0;
	int result;

	if (!answer || (argument && sscanf(argument, ".%u.%u", &index, &wanted) != 2)) {
		fprintf(stderr, "sandbox: '%s' is no rule\n", rule);
		exit(2);
	}
	*answer++ = 0;
	if (argument)
		*argument = 0;
	result = value_of(answers, answer);
	add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, value_of(calls, rule), 0, argument ? 3 : 1);
	if (argument) {
		add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * index, 0, 0);
		add(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1);
	}
	add(BPF_RET | BPF_K, result < 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | result, 0, 0);
}

int main(int count, char **words)
{
	struct sock_fprog filter = { 0, program };
	int i = 1;

	for (; i < count && strcmp(words[i], "--"); i++)
		add_rule(words[i]);
	if (i + 1 >= count) {
		fprintf(stderr, "sandbox RULE... -- PROGRAM ARGUMENT...\n");
		return 2;
	}
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	filter.len = length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
		perror("sandbox");
		return 2;
	}
	execvp(words[i + 1], words + i + 1);
	perror(words[i + 1]);
	return 127;
}
