/* The device, the module and the kernel's log, as a program reaches them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "test.h"

int open_device(void)
{
	int file = open(DEVICE, O_RDWR | O_CLOEXEC);

	return file >= 0 ? file : -errno;
}

int about(int file, struct hypercall_about *about)
{
	return ioctl(file, HYPERCALL_ABOUT, about) ? errno : 0;
}

int call(int file, struct hypercall_call *frame)
{
	return ioctl(file, HYPERCALL_CALL, frame) ? errno : 0;
}

int allocate(int file, u64 size, u32 flags, struct hypercall_buffer *buffer)
{
	*buffer = (struct hypercall_buffer){ .size = size, .flags = flags };
	return ioctl(file, HYPERCALL_ALLOCATE, buffer) ? errno : 0;
}

int with_id(int file, unsigned long command, u32 id)
{
	return ioctl(file, command, &id) ? errno : 0;
}

void *map(int file, u32 id, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)(id * PAGE));

	return at == MAP_FAILED ? NULL : at;
}

int put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (file < 0)
		return errno;
	if (write(file, text, strlen(text)) < 0)
		error = errno;
	close(file);
	return error;
}

char *get(const char *path, char *text, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	size_t all = 0;

	while (file >= 0 && (length = read(file, text + all, size - 1 - all)) > 0)
		all += (size_t)length;
	text[all] = 0;
	if (file >= 0)
		close(file);
	return text;
}

/* Pages in a CPU's list are free, too, and MemFree does not count them: since Linux 6.7 they may be an eighth of all. */
long free_kib(void)
{
	static char text[1 << 17];
	const char *at;
	long free;

	put("/proc/sys/vm/drop_caches", "3\n");
	free = atol(strstr(get("/proc/meminfo", text, sizeof(text)), "MemFree:") + 8);
	for (at = get("/proc/zoneinfo", text, sizeof(text)); (at = strstr(at, " count: ")); at++)
		free += 4 * atol(at + 8);
	return free;
}

u64 counter(const char *name)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), SYSFS "%s", name);
	return strtoull(get(path, text, sizeof(text)), NULL, 10);
}

int allow(const char *list)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s\n", list);
	return put(ALLOW, text);
}

int load(const char *path, const char *parameters)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int error;

	if (file < 0)
		return errno;
	error = syscall(SYS_finit_module, file, parameters, 0) ? errno : 0;
	close(file);
	return error;
}

int unload(void)
{
	return syscall(SYS_delete_module, "hypercall", O_NONBLOCK) ? errno : 0;
}

const char *module_file(const char *name)
{
	static char path[512];
	struct utsname system;

	uname(&system);
	snprintf(path, sizeof(path), "/lib/modules/%s/%s", system.release, name);
	return path;
}

static int log_file = -1;
static char log_text[1 << 18];
static size_t log_length;

void log_mark(void)
{
	if (log_file < 0)
		log_file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(log_file, 0, SEEK_END);
	log_length = 0;
	log_text[0] = 0;
}

static void log_read(void)
{
	char record[4096];
	ssize_t length;

	/* EPIPE: records were lost to newer ones; the rest is still there. */
	while ((length = read(log_file, record, sizeof(record) - 1)) > 0 || (length < 0 && errno == EPIPE)) {
		if (length <= 0 || log_length + (size_t)length >= sizeof(log_text))
			continue;
		memcpy(log_text + log_length, record, (size_t)length);
		log_length += (size_t)length;
		log_text[log_length] = 0;
	}
}

bool log_has(const char *text)
{
	log_read();
	return strstr(log_text, text) != NULL;
}

const char *log_complaints(void)
{
	static const char *const signs[] = {
		"WARNING:", "BUG:", "Oops", "Call Trace", "general protection", "Bad page",
		"blocked for more than", "kernel BUG", "refcount_t", "INFO: task", "rcu:",
	};
	char *sign, *end;

	log_read();
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		sign = strstr(log_text, signs[i]);
		if (sign) {
			end = strchr(sign, '\n');
			return fail("the kernel says: %.*s", end ? (int)(end - sign) : 200, sign);
		}
	}
	return NULL;
}

u64 random_of(u64 *state) /* splitmix64 */
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

u64 number_of(int file, const char *name)
{
	struct hypercall_call frame = { .rax = 0, .rbx = (u64)name };

	return call(file, &frame) == 0 && frame.fault == 0 && frame.rax < 128 ? frame.rax : 0;
}
