/* A VMM that keeps the address of a buffer, and a holder that is killed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define SIZE	(256 * 1024)
#define SLOT	200
#define CANARY	0x5ca1ab1e0ddba115

static u64 hold, held_write;

/* rig/ABI.md, "Streams". */
static unsigned char pattern(unsigned char key, u64 p) { return (unsigned char)(key ^ p ^ (p >> 8) ^ (p >> 16)); }

static u64 vmm(int file, u64 number, u64 rbx, u64 rcx, u64 rdx, u64 rsi)
{
	struct hypercall_call frame = { .rax = number, .rbx = rbx, .rcx = rcx, .rdx = rdx, .rsi = rsi };

	return call(file, &frame) || frame.fault ? ~1ull : frame.rax;
}

static const char *check_pattern(const unsigned char *at, unsigned char key)
{
	for (u64 i = 0; i < SIZE; i++)
		CHECK(at[i] == pattern(key, i), "byte %llu of the kept buffer is 0x%x, not 0x%x", i, at[i], pattern(key, i));
	return NULL;
}

/* A child that has a kept buffer, tells of it, and waits to be killed. */
static pid_t holder(struct hypercall_buffer *buffer, bool from_the_start)
{
	int pipes[2];
	pid_t child;

	if (pipe(pipes))
		return -1;
	child = fork();
	if (child == 0) {
		int file = open_device();
		int error = allocate(file, SIZE, from_the_start ? HYPERCALL_KEPT : 0, buffer);

		prctl(PR_SET_NAME, "the holder");
		if (!error && !from_the_start)
			error = with_id(file, HYPERCALL_KEEP, buffer->id) || with_id(file, HYPERCALL_KEEP, buffer->id);
		if (!error && !map(file, buffer->id, SIZE))
			error = errno;
		if (error || write(pipes[1], buffer, sizeof(*buffer)) != sizeof(*buffer))
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	if (read(pipes[0], buffer, sizeof(*buffer)) != sizeof(*buffer))
		child = -1;
	close(pipes[0]);
	return child;
}

/* Whatever memory was freed is most likely in here afterwards. */
static u64 *fill_memory(size_t bytes)
{
	u64 *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	for (size_t i = 0; all != MAP_FAILED && i < bytes / sizeof(u64); i++)
		all[i] = CANARY;
	return all;
}

static const char *killed_holder(void)
{
	struct hypercall_buffer buffer;
	const size_t bytes = 192ul << 20;
	int file = open_device(), status, error;
	char text[4096], line[128], id[32];
	unsigned char *at;
	pid_t child, writer;
	u64 *all;

	CHECK(file >= 0 && allow("*") == 0, "open: error %d", -file);
	hold = number_of(file, "hold");
	held_write = number_of(file, "held_write");
	if (!hold || !held_write)
		return skip("under this guest is not the rig's VMM");
	child = holder(&buffer, true);
	CHECK(child > 0, "no holder");
	CHECK(vmm(file, hold, buffer.gpa, SIZE, SLOT, 0) == 0, "hold");

	/* The VMM writes before, while and after the holder dies; then into memory that others would have by now. */
	writer = fork();
	if (writer == 0) {
		for (u64 key = 0; ; key++)
			if (vmm(file, held_write, 0, 0, SLOT, key & 0xff) != SIZE)
				_exit(1);
	}
	for (int i = 0; i < 20; i++)
		CHECK(vmm(file, held_write, 0, 0, SLOT, 7) == SIZE, "held_write");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CHECK(WIFSIGNALED(status), "the holder ended by itself");
	all = fill_memory(bytes);
	CHECK(all != MAP_FAILED, "no memory: error %d", errno);
	kill(writer, SIGKILL);
	waitpid(writer, &status, 0);
	CHECK(WIFSIGNALED(status), "the writer ended by itself");
	CHECK(vmm(file, held_write, 0, 0, SLOT, 0x2a) == SIZE, "held_write");
	for (size_t i = 0; i < bytes / sizeof(u64); i++)
		CHECK(all[i] == CANARY, "the VMM wrote into somebody else's page: word %zu is 0x%llx", i, all[i]);
	munmap(all, bytes);

	/* Anybody who may open the device goes on to read it. */
	at = map(file, buffer.id, SIZE);
	CHECK(at, "the kept buffer is not mapped: error %d", errno);
	TRY(check_pattern(at, 0x2a));
	munmap(at, SIZE);

	snprintf(line, sizeof(line), "id=%u gpa=0x%llx size=%d file=closed pid=%d comm=", buffer.id, buffer.gpa, SIZE, child);
	CHECK(!strncmp(get(SYSFS "kept", text, sizeof(text)), line, strlen(line)), "kept says: %s", text);
	CHECK(log_has("is kept for the VMM by"), "the log does not say that it is kept");

	close(file);
	CHECK((error = unload()) == EAGAIN || error == EBUSY, "unloaded while a buffer is kept: error %d", error);

	/* The VMM lets go; root releases. */
	file = open_device();
	CHECK(vmm(file, hold, 0, 0, SLOT, 0) == 0, "hold nothing");
	close(file);
	CHECK((error = put(SYSFS "release", "4000000000\n")) == ENOENT, "an id that is not there: error %d", error);
	CHECK((error = put(SYSFS "release", "x\n")) == EINVAL, "no id: error %d", error);
	snprintf(id, sizeof(id), "%u\n", buffer.id);
	CHECK((error = put(SYSFS "release", id)) == 0, "not released: error %d", error);
	CHECK((error = put(SYSFS "release", id)) == ENOENT, "released twice: error %d", error);
	CHECK(get(SYSFS "kept", text, sizeof(text))[0] == 0, "kept says: %s", text);
	CHECK(log_has("is released by"), "the log does not say that it is released");
	CHECK((error = unload()) == 0, "not unloaded: error %d", error);
	CHECK((error = load(module_file("hypercall.ko"), "allow=*")) == 0, "not loaded: error %d", error);
	return NULL;
}

static const char *states(void)
{
	struct hypercall_buffer buffer, other;
	int file, second = open_device(), error;
	char text[4096], line[32], id[32];
	pid_t child = holder(&buffer, false);
	void *at, *again;

	CHECK(child > 0, "no holder");
	snprintf(line, sizeof(line), "id=%u ", buffer.id);
	CHECK(strstr(get(SYSFS "kept", text, sizeof(text)), line) && strstr(text, "file=open") && strstr(text, "comm=the?holder"),
	      "kept says: %s", text);
	snprintf(id, sizeof(id), "%u\n", buffer.id);
	CHECK((error = put(SYSFS "release", id)) == EBUSY, "root releases the buffer of an open file: error %d", error);
	CHECK((error = with_id(second, HYPERCALL_RELEASE, buffer.id)) == EBUSY, "another file releases it: error %d", error);
	CHECK(!map(second, buffer.id, SIZE) && errno == ENXIO, "another file maps it: error %d", errno);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK((error = with_id(second, HYPERCALL_KEEP, buffer.id)) == ENOENT, "another file keeps it: error %d", error);
	CHECK((error = with_id(second, HYPERCALL_FREE, buffer.id)) == ENOENT, "another file frees it: error %d", error);

	/* Released while it is mapped: the pages stay until the mapping goes. */
	at = map(second, buffer.id, SIZE);
	again = map(second, buffer.id, PAGE);
	CHECK(at && again, "not mapped: error %d", errno);
	memset(at, 0x77, SIZE);
	CHECK((error = with_id(second, HYPERCALL_RELEASE, buffer.id)) == 0, "not released: error %d", error);
	CHECK((error = with_id(second, HYPERCALL_RELEASE, buffer.id)) == ENOENT, "released twice: error %d", error);
	CHECK(!map(second, buffer.id, PAGE) && errno == ENXIO, "mapped after its release: error %d", errno);
	CHECK(get(SYSFS "kept", text, sizeof(text))[0] == 0, "kept says: %s", text);
	CHECK(allocate(second, SIZE, 0, &other) == 0 && (other.gpa + SIZE <= buffer.gpa || other.gpa >= buffer.gpa + SIZE),
	      "its pages went to another buffer while they were mapped");
	CHECK(((char *)at)[SIZE - 1] == 0x77 && ((char *)again)[0] == 0x77, "the mapping has changed");
	munmap(at, SIZE);
	munmap(again, PAGE);

	/* Kept and released by its own file: freed as any other. */
	file = open_device();
	CHECK(allocate(file, 1, HYPERCALL_KEPT, &buffer) == 0, "kept");
	CHECK((error = with_id(file, HYPERCALL_FREE, buffer.id)) == EBUSY, "freed while kept: error %d", error);
	CHECK((error = with_id(file, HYPERCALL_RELEASE, buffer.id)) == 0, "released: error %d", error);
	CHECK((error = with_id(file, HYPERCALL_RELEASE, buffer.id)) == 0, "released twice: error %d", error);
	CHECK((error = with_id(file, HYPERCALL_FREE, buffer.id)) == 0, "freed: error %d", error);
	close(file);
	close(second);
	CHECK((error = unload()) == 0, "not unloaded: error %d", error);
	CHECK((error = load(module_file("hypercall.ko"), "allow=*")) == 0, "not loaded: error %d", error);
	return NULL;
}

void kept_tests(void)
{
	test("kill -9 of the holder while the VMM writes: only the kept buffer changes, until root releases it", killed_holder);
	test("a kept buffer is its file's, then everybody's, then nobody's", states);
}
