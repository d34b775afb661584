/*
 * The C client that C# is measured against: looks a function up by name, then calls it in a tight loop, as a program without any
 * library would.
 *
 *   call-c NAME CALLS ROUNDS [PAGES [FUNCTIONS]]
 *
 * prints "c NAME CALLS calls: N ns/call" for each round. With PAGES it reads a byte of so many pages between two calls, with FUNCTIONS it calls so many
 * functions, each on a page of its own (at most 8), and says "touch PAGES FUNCTIONS" for "c": an emulated CPU forgets all translations at each entry
 * and exit of the VMM, and this is what they cost.
 */
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct frame {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi;
};

static inline __attribute__((always_inline)) void vmcall(struct frame *f)
{
	__asm__ volatile("vmcall" : "+a"(f->rax), "+b"(f->rbx), "+c"(f->rcx), "+d"(f->rdx), "+S"(f->rsi), "+D"(f->rdi) : : "memory");
}

static inline __attribute__((always_inline)) void vmmcall(struct frame *f)
{
	__asm__ volatile("vmmcall" : "+a"(f->rax), "+b"(f->rbx), "+c"(f->rcx), "+d"(f->rdx), "+S"(f->rsi), "+D"(f->rdi) : : "memory");
}

static int is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	/* "AuthenticAMD" and "HygonGenuine" by their first four bytes, in EBX. */
	return ebx == 0x68747541 || ebx == 0x6f677948;
}

/* One function a page, each with a few jumps: translated code is found again block by block. */
#define FUNCTION(n) \
	static __attribute__((noinline, aligned(4096))) uint64_t function##n(uint64_t value) \
	{ \
		for (volatile int i = 0; i < 2; i++) \
			value = value & 1 ? value * 3 + n : value + n; \
		return value; \
	}
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5) FUNCTION(6) FUNCTION(7)

static uint64_t (*const function[])(uint64_t) = {
	function0, function1, function2, function3, function4, function5, function6, function7,
};
#define FUNCTIONS ((long)(sizeof(function) / sizeof(function[0])))

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	static char name[256] __attribute__((aligned(256)));
	uint64_t number, sum = 0;
	struct frame f = { 0 };
	long calls, rounds, pages, functions;
	volatile unsigned char *touched;
	int amd = is_amd();

	functions = argc > 5 ? atol(argv[5]) : 0;
	if (argc < 4 || argc > 6 || strlen(argv[1]) >= sizeof(name) || functions > FUNCTIONS) {
		fprintf(stderr, "usage: call-c NAME CALLS ROUNDS [PAGES [FUNCTIONS]]\n");
		return 2;
	}
	strcpy(name, argv[1]);
	calls = atol(argv[2]);
	rounds = atol(argv[3]);
	pages = argc > 4 ? atol(argv[4]) : 0;
	touched = aligned_alloc(4096, (size_t)(pages + 1) * 4096);
	if (!touched)
		return 1;
	memset((void *)touched, 1, (size_t)(pages + 1) * 4096);
	f.rbx = (uint64_t)name;
	if (amd)
		vmmcall(&f);
	else
		vmcall(&f);
	number = f.rax;
	if (number == 0 || number > 127) {
		fprintf(stderr, "call-c: no function '%s'\n", name);
		return 1;
	}
	for (long round = 0; round < rounds; round++) {
		double start = now();

		for (long i = 0; i < calls; i++) {
			struct frame g = { number, (uint64_t)i, 2, 3, 4, 5 };

			if (amd)
				vmmcall(&g);
			else
				vmcall(&g);
			sum += g.rax;
			for (long page = 0; page < pages; page++)
				sum += touched[page * 4096];
			for (long next = 0; next < functions; next++)
				sum = function[next](sum);
		}
		if (pages || functions)
			printf("touch %ld %ld ", pages, functions);
		else
			printf("c ");
		printf("%s %ld calls: %.1f ns/call (sum %llu)\n", name, calls, (now() - start) / (double)calls, (unsigned long long)sum);
		fflush(stdout);
	}
	return 0;
}
