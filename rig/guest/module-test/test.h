/* What the parts of module-test share: the report, the device, the module, the kernel's log. */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../kernel/hypercall.h"

#define DEVICE		"/dev/hypercall"
#define SYSFS		"/sys/class/misc/hypercall/"
#define ALLOW		"/sys/module/hypercall/parameters/allow"
#define PAGE		4096ul
#define REGISTERS	15

typedef __u64 u64;
typedef __u32 u32;

/* A test returns NULL when it passed, skip(...) or fail(...) when it did not. */
typedef const char *(*test_function)(void);
void test(const char *name, test_function run);
const char *fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRY(call)		do { const char *failed_ = (call); if (failed_) return failed_; } while (0)
#define CHECK(condition, ...)	do { if (!(condition)) return fail(__VA_ARGS__); } while (0)

/* The parts. */
void rights_tests(void);
void list_tests(void);
void frame_tests(void);
void no_vmm_tests(void);
void kvm_tests(void);
void kept_tests(void);
void stress_tests(void);
void load_tests(void);
void lockdown_tests(void);
extern u64 scale;	/* the program's number, or 0 */

/* The device. Functions that give an int give 0, or the number of the error. */
int open_device(void);			/* the open file, or minus the error */
int about(int file, struct hypercall_about *about);
int call(int file, struct hypercall_call *frame);
int allocate(int file, u64 size, u32 flags, struct hypercall_buffer *buffer);
int with_id(int file, unsigned long command, u32 id);
void *map(int file, u32 id, size_t size);	/* NULL and errno */

/* Files of one line. */
int put(const char *file, const char *text);	/* 0, or the number of the error */
char *get(const char *file, char *text, size_t size);	/* "" when it cannot be read */
u64 counter(const char *name);
long free_kib(void);	/* memory that nobody uses */
int allow(const char *list);

/* The module. */
int load(const char *file, const char *parameters);
int unload(void);
const char *module_file(const char *name);	/* in /lib/modules of the kernel that runs */

/* The kernel's log since the last look. */
void log_mark(void);
bool log_has(const char *text);
const char *log_complaints(void);	/* a line that tells of a bug in the kernel, or NULL */

/* Numbers that differ, and are the same in each run. */
u64 random_of(u64 *state);
#define u64_below(state, count)	(random_of(state) % (count))

u64 number_of(int file, const char *name);	/* a function of the rig's VMM; 0: none */

#endif
