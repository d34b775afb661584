/* The module comes and goes. */
#include <errno.h>
#include <unistd.h>

#include "test.h"

static const char *times(u64 count)
{
	struct hypercall_buffer buffer;
	int file, error;

	for (u64 i = 0; i < count; i++) {
		CHECK((error = unload()) == 0, "unload %llu: error %d", i, error);
		CHECK((error = load(module_file("hypercall.ko"), i % 2 ? "allow=*" : "allow=xen:17,kvm:1 buffers=3")) == 0,
		      "load %llu: error %d", i, error);
		file = open_device();
		CHECK(file >= 0, "open %llu: error %d", i, -file);
		CHECK(allocate(file, 100000, 0, &buffer) == 0, "allocate %llu", i);
		close(file);
	}
	return NULL;
}

static const char *loads(void)
{
	long before;

	TRY(times(10));
	before = free_kib();
	TRY(times(scale ? scale : 100));
	CHECK(before - free_kib() < 4096, "%ld KiB of memory are gone", before - free_kib());
	return NULL;
}

static const char *limits_are_parameters(void)
{
	struct hypercall_buffer buffer;
	struct hypercall_about answer;
	int file, error;

	CHECK(unload() == 0, "unload");
	CHECK((error = load(module_file("hypercall.ko"), "buffers=2 largest_total=20480 allow=*")) == 0, "load: error %d", error);
	file = open_device();
	CHECK(about(file, &answer) == 0 && answer.buffers == 2 && answer.largest_total == 5 * PAGE,
	      "%u buffers, %llu bytes", answer.buffers, answer.largest_total);
	CHECK(allocate(file, 6 * PAGE, 0, &buffer) == ENOSPC, "more than all");
	CHECK(allocate(file, 4 * PAGE, 0, &buffer) == 0, "4 pages");
	CHECK(allocate(file, 2 * PAGE, 0, &buffer) == ENOSPC, "4 and 2 pages");
	CHECK(allocate(file, PAGE, 0, &buffer) == 0, "4 and 1 pages");
	CHECK(with_id(file, HYPERCALL_FREE, buffer.id) == 0 && allocate(file, PAGE, 0, &buffer) == 0,
	      "the page was not given back");
	close(file);
	return NULL;
}

void load_tests(void)
{
	test("a hundred loads and unloads leave nothing", loads);
	test("limits are parameters", limits_are_parameters);
	unload();
	load(module_file("hypercall.ko"), "allow=*");
}
