// The functions of transfer.h on memory that another program lends: the fake machine of Hypercall.Testing, so that a test can run
// the library's own transfers against them. A shared library.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#include "transfer.h"

// A mapping is lent as bytes, and taken back with them.
struct lender {
    void *(*map)(u64 gpa, u32 length, u8 write);
    void (*unmap)(void *bytes, u32 length);
    u8 (*walk)(u64 gva, u8 write, u64 *gpa);
};
static struct lender lender;

static void *hc_map(u64 gpa, u32 length, bool write) { return lender.map(gpa, length, write); }
static void hc_unmap(void *bytes, u32 length) { lender.unmap(bytes, length); }
static bool hc_walk(u64 gva, bool write, u64 *gpa) { return lender.walk(gva, write, gpa); }
static void hc_lock(void) { }
static void hc_unlock(void) { }

#define ROW(function) {#function, function},
static const struct {
    const char *name;
    u64 (*run)(u64 rbx, u64 rcx);
} functions[] = {HC_FUNCTIONS(ROW)};

void lend(const struct lender *from)
{
    lender = *from;
    hc_box_start = hc_box_count = 0;
}

const char *name_of(u32 index)
{
    return index < sizeof functions / sizeof *functions ? functions[index].name : NULL;
}

u64 run(u32 index, u64 rbx, u64 rcx)
{
    return functions[index].run(rbx, rcx);
}

// Copies what the box has; how many bytes.
u32 look(u8 *bytes, u32 room)
{
    for (u32 i = 0; i < hc_box_count && i < room; i++)
        bytes[i] = hc_box[(hc_box_start + i) % HC_BOX];
    return hc_box_count;
}
