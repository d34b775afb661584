/* Who may open the device, and what it says about itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define CAP_RAWIO	17	/* CAP_SYS_RAWIO, capabilities(7) */

/* In a child: what open says after `change`; -1: `change` itself failed. */
static int open_after(int (*change)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (change())
			_exit(255);
		status = open_device();
		_exit(status < 0 ? -status : 0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

static int nothing(void) { return 0; }
static int become_nobody(void) { return setgid(65534) || setuid(65534); }
static int own_namespace(void) { return unshare(CLONE_NEWUSER); }

static int without_rawio(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective &= ~(1u << CAP_RAWIO);
	data[0].permitted &= ~(1u << CAP_RAWIO);
	return (int)syscall(SYS_capset, &header, data);
}

static const char *root_may(void)
{
	CHECK(open_after(nothing) == 0, "open: error %d", open_after(nothing));
	return NULL;
}

static const char *without_capability(void)
{
	int error = open_after(without_rawio);

	CHECK(error == EPERM, "open: error %d", error);
	return NULL;
}

static const char *user_namespace(void)
{
	int error = open_after(own_namespace);

	if (error == -1)
		return skip("no user namespaces here");
	CHECK(error == EPERM, "root of a namespace of its own: error %d", error);
	return NULL;
}

static const char *mode(void)
{
	struct stat status;

	CHECK(stat(DEVICE, &status) == 0, "no " DEVICE);
	CHECK((status.st_mode & 07777) == 0600 && status.st_uid == 0, "mode %o, user %u", status.st_mode, status.st_uid);
	CHECK(open_after(become_nobody) == EACCES, "nobody: error %d", open_after(become_nobody));
	return NULL;
}

static const char *sysfs(void)
{
	static const struct { const char *file; unsigned int mode; } files[] = {
		{ SYSFS "calls", 0400 }, { SYSFS "faults", 0400 }, { SYSFS "refusals", 0400 }, { SYSFS "kept", 0400 },
		{ SYSFS "release", 0200 }, { ALLOW, 0600 },
	};
	struct stat status;
	int result;
	pid_t child;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		CHECK(stat(files[i].file, &status) == 0, "no %s", files[i].file);
		CHECK((status.st_mode & 07777) == files[i].mode, "%s has mode %o", files[i].file, status.st_mode);
	}

	/* Root without the capability, as in a container: no addresses, no release. */
	child = fork();
	if (child == 0) {
		char text[64];

		if (without_rawio())
			_exit(255);
		_exit(get(SYSFS "kept", text, sizeof(text))[0] || put(SYSFS "release", "1\n") != EPERM);
	}
	waitpid(child, &result, 0);
	CHECK(result == 0, "root without CAP_SYS_RAWIO: status 0x%x", result);
	return NULL;
}

static const char *about_itself(void)
{
	int file = open_device();
	struct hypercall_about answer;

	CHECK(file >= 0, "open: error %d", -file);
	CHECK(about(file, &answer) == 0, "HYPERCALL_ABOUT: error %d", about(file, &answer));
	CHECK(answer.abi == HYPERCALL_ABI && (answer.instruction == HYPERCALL_VMCALL || answer.instruction == HYPERCALL_VMMCALL) &&
	      answer.largest_buffer == 4 << 20 && answer.largest_total == 64 << 20 && answer.buffers == 64 && answer.reserved == 0,
	      "abi %u, instruction %u, largest %llu, total %llu, buffers %u", answer.abi, answer.instruction, answer.largest_buffer,
	      answer.largest_total, answer.buffers);
	CHECK(about(file, NULL) == EFAULT, "into no memory: error %d", about(file, NULL));
	CHECK(with_id(file, 0xc0304801, 0) == ENOTTY, "an unknown command: error %d", with_id(file, 0xc0304801, 0));
	close(file);
	return NULL;
}

static const char *limits(void)
{
	struct hypercall_buffer buffer, first;
	int file = open_device(), other = open_device();
	unsigned int count;
	void *at;

	CHECK(file >= 0 && other >= 0, "open: error %d", -file);
	CHECK(allocate(file, 0, 0, &buffer) == EINVAL, "no bytes: %d", allocate(file, 0, 0, &buffer));
	CHECK(allocate(file, (4 << 20) + 1, 0, &buffer) == EINVAL,
	      "more than 4 MiB: %d", allocate(file, (4 << 20) + 1, 0, &buffer));
	CHECK(allocate(file, ~0ull, 0, &buffer) == EINVAL, "all bytes: %d", allocate(file, ~0ull, 0, &buffer));
	CHECK(allocate(file, 1, 2, &buffer) == EINVAL, "an unknown flag: %d", allocate(file, 1, 2, &buffer));
	CHECK(allocate(file, 1, 0, &first) == 0 && first.size == PAGE && first.gpa % PAGE == 0 && first.gpa != 0 && first.id != 0,
	      "one byte");
	for (count = 1; allocate(file, 1, 0, &buffer) == 0; count++)
		;
	CHECK(count == 64, "%u buffers", count);
	CHECK(allocate(file, 1, 0, &buffer) == ENOSPC, "one more buffer: %d", allocate(file, 1, 0, &buffer));
	CHECK(with_id(file, HYPERCALL_FREE, first.id) == 0 && with_id(file, HYPERCALL_FREE, first.id) == ENOENT, "freed twice");
	CHECK(allocate(file, 4 << 20, 0, &buffer) == 0, "4 MiB: %d", allocate(file, 4 << 20, 0, &buffer));
	for (count = 0; count < 100 && allocate(other, 4 << 20, 0, &first) == 0; count++)
		;
	CHECK(count < 16 && (allocate(other, 4 << 20, 0, &first) == ENOSPC || allocate(other, 4 << 20, 0, &first) == ENOMEM),
	      "%u times 4 MiB", count);

	at = map(file, buffer.id, buffer.size);
	CHECK(at, "4 MiB are not mapped: error %d", errno);
	for (size_t i = 0; i < buffer.size / sizeof(u64); i++)
		CHECK(((u64 *)at)[i] == 0, "not zeroed at word %zu", i);
	CHECK(with_id(file, HYPERCALL_FREE, buffer.id) == EBUSY,
	      "a mapped buffer is freed: %d", with_id(file, HYPERCALL_FREE, buffer.id));
	CHECK(!map(other, buffer.id, PAGE) && errno == ENXIO, "somebody else's buffer: error %d", errno);
	CHECK(!map(file, buffer.id, buffer.size + PAGE) && errno == EINVAL, "more than it has: error %d", errno);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, (off_t)(buffer.id * PAGE)) == MAP_FAILED && errno == EINVAL,
	      "private: error %d", errno);
	CHECK(with_id(other, HYPERCALL_KEEP, buffer.id) == ENOENT,
	      "somebody else keeps it: %d", with_id(other, HYPERCALL_KEEP, buffer.id));
	CHECK(with_id(other, HYPERCALL_RELEASE, buffer.id) == EBUSY,
	      "somebody else releases it: %d", with_id(other, HYPERCALL_RELEASE, buffer.id));
	CHECK(with_id(other, HYPERCALL_FREE, buffer.id) == ENOENT,
	      "somebody else frees it: %d", with_id(other, HYPERCALL_FREE, buffer.id));
	munmap(at, buffer.size);
	CHECK(with_id(file, HYPERCALL_FREE, buffer.id) == 0, "unmapped, and not freed");
	close(file);
	close(other);
	return NULL;
}

void rights_tests(void)
{
	test("root may open it", root_may);
	test("without CAP_SYS_RAWIO open says EPERM", without_capability);
	test("root of a user namespace of its own is told EPERM", user_namespace);
	test("its mode is 0600, and nobody may open it", mode);
	test("sysfs is for root with CAP_SYS_RAWIO", sysfs);
	test("it tells its version, instruction and limits", about_itself);
	test("buffers have limits, and belong to their file", limits);
}
