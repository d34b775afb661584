/*
 * Bounded random system calls on the device from four processes, which fork and are killed. Each buffer is stamped when it is
 * mapped: a page that two have, or that somebody else got, shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define WORKERS		4
#define FILES		3
#define BUFFERS		8
#define MAPPINGS	6

struct shared {
	u64 operations, started, killed, forks, kept, calls, maps;
	u64 wrong;	/* a word that was neither 0 nor the stamp */
	u64 stamps;
};
static struct shared *shared;

static u64 count(u64 *number) { return __atomic_add_fetch(number, 1, __ATOMIC_RELAXED); }

struct worker {
	u64 state;
	int files[FILES];
	struct { u32 id; int file; u64 size; } buffers[BUFFERS];
	struct { u64 *at; size_t size; u64 stamp; } mappings[MAPPINGS];
};

/* The first word of each page tells whose it is: no small number, which a call would take for one that the list names. */
static void stamp(struct worker *w, int m)
{
	w->mappings[m].stamp = (1ull << 32) + count(&shared->stamps);
	for (size_t i = 0; i < w->mappings[m].size / sizeof(u64); i += PAGE / sizeof(u64))
		w->mappings[m].at[i] = w->mappings[m].stamp;
}

static void verify(const struct worker *w, int m)
{
	for (size_t i = 0; w->mappings[m].stamp && i < w->mappings[m].size / sizeof(u64); i += PAGE / sizeof(u64))
		if (w->mappings[m].at[i] != w->mappings[m].stamp)
			count(&shared->wrong);
}

static void unmap(struct worker *w, int m)
{
	if (!w->mappings[m].at)
		return;
	verify(w, m);
	munmap(w->mappings[m].at, w->mappings[m].size);
	w->mappings[m].at = NULL;
}

static void map_buffer(struct worker *w, int b)
{
	int m = (int)u64_below(&w->state, MAPPINGS);
	size_t size = (w->buffers[b].size ? w->buffers[b].size : PAGE) - (u64_below(&w->state, 4) == 0 ? PAGE : 0);

	unmap(w, m);
	count(&shared->maps);
	w->mappings[m].size = size;
	w->mappings[m].stamp = 0;
	w->mappings[m].at = size ? map(w->files[w->buffers[b].file], w->buffers[b].id, size) : NULL;
	if (!w->mappings[m].at)
		return;
	/* Only the first mapping of a buffer writes: its memory is zeroed. */
	for (size_t i = 0; i < size / sizeof(u64); i += PAGE / sizeof(u64))
		if (w->mappings[m].at[i])
			return;
	stamp(w, m);
}

static void allocate_one(struct worker *w)
{
	static const u64 odd[] = { 0, 1, PAGE + 1, 4 << 20, (4 << 20) + 1, ~0ull };
	int b = (int)u64_below(&w->state, BUFFERS), f = (int)u64_below(&w->state, FILES);
	u64 size = u64_below(&w->state, 50) == 0 ? odd[u64_below(&w->state, 6)] : PAGE * (1 + u64_below(&w->state, 6));
	u32 flags = u64_below(&w->state, 40) == 0 ? HYPERCALL_KEPT : u64_below(&w->state, 60) == 0 ? 0xffffffff : 0;
	struct hypercall_buffer buffer;

	if (allocate(w->files[f], size, flags, &buffer))
		return;
	if (flags)
		count(&shared->kept);
	w->buffers[b].id = buffer.id;
	w->buffers[b].file = f;
	w->buffers[b].size = buffer.size;
}

static void call_one(struct worker *w)
{
	struct hypercall_call frame = { .rax = 0x70 + u64_below(&w->state, 16) }; /* numbers that no VMM serves */

	for (int r = 1; r < REGISTERS; r++)
		((u64 *)&frame)[r] = random_of(&w->state);
	frame.reserved = u64_below(&w->state, 8) == 0;
	count(&shared->calls);
	call(w->files[u64_below(&w->state, FILES)], &frame);
}

static void reopen(struct worker *w, int f)
{
	if (w->files[f] >= 0)
		close(w->files[f]);
	w->files[f] = open(DEVICE, u64_below(&w->state, 10) ? O_RDWR : O_RDONLY);
}

/* A child has the files and the mappings, too; it does something, and exits or is killed. */
static void fork_one(struct worker *w, void (*step)(struct worker *))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = (int)u64_below(&w->state, 30); i > 0; i--)
			step(w);
		if (u64_below(&w->state, 2))
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	if (child > 0) {
		count(&shared->forks);
		waitpid(child, &status, 0);
	}
}

static void step(struct worker *w)
{
	u64 what = u64_below(&w->state, 100);
	int b = (int)u64_below(&w->state, BUFFERS), f = (int)u64_below(&w->state, FILES);
	u32 id = u64_below(&w->state, 10) ? w->buffers[b].id : (u32)u64_below(&w->state, 1 + w->buffers[b].id * 2ull);
	struct hypercall_about answer;

	count(&shared->operations);
	if (what < 25)
		allocate_one(w);
	else if (what < 45)
		map_buffer(w, b);
	else if (what < 60)
		unmap(w, (int)u64_below(&w->state, MAPPINGS));
	else if (what < 75)
		with_id(w->files[w->buffers[b].file], HYPERCALL_FREE, id);
	else if (what < 77)
		with_id(w->files[w->buffers[b].file], HYPERCALL_KEEP, id);
	else if (what < 82)
		with_id(w->files[f], HYPERCALL_RELEASE, id);
	else if (what < 92)
		call_one(w);
	else if (what < 94)
		about(w->files[f], &answer);
	else if (what < 96)
		ioctl(w->files[f], (unsigned long)random_of(&w->state), &answer);
	else if (what < 98) /* no memory, the kernel's, or a buffer's own */
		ioctl(w->files[f], _IOC(_IOC_READ | _IOC_WRITE, 'H', 1 + what % 2, what % 2 ? 24 : 128),
		      what % 2 ? (void *)0xffff888000000000 : w->mappings[u64_below(&w->state, MAPPINGS)].at);
	else if (what == 98)
		reopen(w, f);
	else if (w->mappings[b % MAPPINGS].at && u64_below(&w->state, 2))
		mprotect(w->mappings[b % MAPPINGS].at, PAGE, PROT_READ); /* splits it */
}

static void work(u64 seed, u64 limit)
{
	struct worker w = { .state = seed };

	for (int f = 0; f < FILES; f++)
		w.files[f] = open(DEVICE, O_RDWR);
	while (__atomic_load_n(&shared->operations, __ATOMIC_RELAXED) < limit) {
		for (int i = 0; i < 200; i++)
			step(&w);
		fork_one(&w, step);
	}
	_exit(0);
}

/* Releases what one reading of the list tells; the number of what was there. */
static int release_some(void)
{
	char text[4096], id[16], *line, *end;
	int there = 0;

	for (line = get(SYSFS "kept", text, sizeof(text)); !strncmp(line, "id=", 3); line = end + 1) {
		there++;
		snprintf(id, sizeof(id), "%lu\n", strtoul(line + 3, NULL, 10));
		put(SYSFS "release", id);
		end = strchr(line, '\n');
		if (!end)
			break;
	}
	return there;
}

static long slab_kib(void)
{
	char text[8192];

	return atol(strstr(get("/proc/meminfo", text, sizeof(text)), "\nSlab:") + 6);
}

static void run(u64 limit, u64 seed)
{
	pid_t workers[WORKERS];
	int status, alive = 0;
	u64 told = 0;

	for (int i = 0; i < WORKERS; i++, alive++)
		if ((workers[i] = fork()) == 0)
			work(count(&seed) + (u64)i * 1000, limit);
	/* Each of them is killed now and then, and another comes in its place. */
	while (alive > 0) {
		pid_t ended;

		usleep(20000);
		if (__atomic_load_n(&shared->operations, __ATOMIC_RELAXED) < limit && u64_below(&seed, 3) == 0) {
			kill(workers[u64_below(&seed, WORKERS)], SIGKILL);
			count(&shared->killed);
		}
		release_some();
		if (__atomic_load_n(&shared->operations, __ATOMIC_RELAXED) / 50000 > told) {
			told = shared->operations / 50000;
			printf("#  %llu operations\n", shared->operations);
			fflush(stdout);
		}
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			for (int i = 0; i < WORKERS; i++) {
				if (workers[i] != ended)
					continue;
				workers[i] = -1;
				alive--;
				if (__atomic_load_n(&shared->operations, __ATOMIC_RELAXED) < limit) {
					count(&shared->started);
					alive++;
					if ((workers[i] = fork()) == 0)
						work(random_of(&seed), limit);
				}
			}
		}
	}
}

/* When the last process is gone, nothing is left, and the module can go. */
static const char *settle(long *free, long *slab)
{
	char text[4096];
	int error = EAGAIN;

	for (int i = 0; i < 200 && error == EAGAIN; i++) {
		release_some();
		error = unload();
		if (error)
			usleep(50000);
	}
	CHECK(error == 0, "it does not unload: error %d; kept: %s", error, get(SYSFS "kept", text, sizeof(text)));
	*free = free_kib();
	*slab = slab_kib();
	CHECK((error = load(module_file("hypercall.ko"), "allow=rax:0x70-0x7f")) == 0, "it does not load: error %d", error);
	return NULL;
}

static const char *storm(void)
{
	u64 limit = scale ? scale : 20000;
	long free_before, slab_before, free_after, slab_after;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(allow("rax:0x70-0x7f") == 0, "the list");
	run(limit / 50 + 2000, 7); /* whatever is allocated once is now */
	TRY(settle(&free_before, &slab_before));
	memset(shared, 0, sizeof(*shared));
	run(limit, 8);
	TRY(settle(&free_after, &slab_after));
	printf("#  %llu operations, of these %llu calls and %llu mappings, %llu of them stamped; %llu kept; "
	       "%llu forks, %llu kills; free %ld KiB, then %ld; slabs %ld KiB, then %ld\n",
	       shared->operations, shared->calls, shared->maps, shared->stamps,
	       shared->kept, shared->forks, shared->killed, free_before, free_after, slab_before, slab_after);
	CHECK(shared->wrong == 0, "%llu pages had somebody else's words", shared->wrong);
	CHECK(shared->operations >= limit && shared->forks && shared->kept && shared->stamps, "it did not do what it should");
	CHECK(free_before - free_after < 8192, "%ld KiB of memory are gone", free_before - free_after);
	CHECK(slab_after - slab_before < 4096, "slabs have grown by %ld KiB", slab_after - slab_before);
	return NULL;
}

void stress_tests(void)
{
	test("random system calls from four processes with forks and kills: no complaint, no leak, nobody else's page", storm);
	allow("*");
}
