#include "log.h"

#include "cpu.h"
#include "memory.h"

#define RING_HEADER 4 // the u32 that counts unread bytes

static struct {
    u64 gpa, size; // size 0: none
    u64 next;      // where the next byte goes, from the end of the header
} ring;

void log_set_ring(u64 gpa, u64 size)
{
    ring.gpa = gpa;
    ring.size = size > RING_HEADER && size <= UINT32_MAX && gpa % 4 == 0 ? size : 0; // the count never crosses a page
    ring.next = 0;
}

// A full ring takes no more: the guest's own position stays right, and it knows that the rest is lost because the count is full.
static void ring_write(const char *text, size_t length)
{
    if (!ring.size)
        return;
    const u64 gpa = ring.gpa, capacity = ring.size - RING_HEADER;
    ring.size = 0; // a refusal below is itself logged: not into the ring that it is about
    u8 *count, *byte;
    if (memory_to_write(gpa, "log", &count) == WRITE_ALLOWED) {
        volatile u32 *unread = (volatile u32 *)count;
        for (size_t i = 0; i < length && *unread < capacity; i++) {
            if (memory_to_write(gpa + RING_HEADER + ring.next, "log", &byte) != WRITE_ALLOWED)
                break;
            *byte = text[i];
            ring.next = (ring.next + 1) % capacity;
            __atomic_fetch_add(unread, 1, __ATOMIC_RELEASE);
        }
    }
    ring.size = capacity + RING_HEADER;
}

void log_line(const char *pattern, ...)
{
    static const char prefix[] = "vmm: ";
    char line[512];
    memcpy(line, prefix, sizeof prefix);
    va_list arguments;
    va_start(arguments, pattern);
    size_t length = sizeof prefix - 1;
    length += format_list(line + length, sizeof line - length - 1, pattern, arguments);
    va_end(arguments);
    line[length++] = '\n';
    console_write(line, length);
    ring_write(line, length);
}

void log_guest(const char *text, size_t length)
{
    static const char prefix[] = "guest: ";
    console_write(prefix, sizeof prefix - 1);
    for (size_t i = 0; i < length; i++) {
        char shown = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
        if (text[i] != '\n' || i + 1 < length)
            console_write(&shown, 1);
    }
    console_write("\n", 1);
    ring_write(text, length);
}

// The machine stays, so that it can be looked at; rig/boot ends it.
static _Noreturn void stop(void)
{
    console_drain();
    for (;;)
        asm volatile("cli; hlt");
}

_Noreturn void panic(const char *pattern, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, pattern);
    size_t length = format_list(line, sizeof line, pattern, arguments);
    va_end(arguments);
    static const char prefix[] = "\nVMM PANIC: ", suffix[] = "\nVMM STOPPED\n";
    console_write(prefix, sizeof prefix - 1);
    console_write(line, length);
    console_write(suffix, sizeof suffix - 1);
    stop();
}

_Noreturn void panic_exception(u64 vector, u64 error, u64 rip)
{
    panic("exception %u in the VMM at 0x%x, error code 0x%x, CR2 0x%x", vector, rip, error, read_cr2());
}
