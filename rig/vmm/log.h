// What the VMM says: the console, and the guest's ring where it gave one.
#pragma once
#include "types.h"

#include <stdarg.h>

// Writes text by a format to a buffer. %s text, %u and %x u64, %c character, %U u64 in 20 columns. Returns the length without the
// NUL, at most size - 1.
size_t format(char *buffer, size_t size, const char *pattern, ...);
size_t format_list(char *buffer, size_t size, const char *pattern, va_list arguments);

void console_init(void);
void console_write(const char *text, size_t length);
void console_drain(void);

// One line of the VMM's own: "vmm: ..." on the console, and in the ring.
void log_line(const char *pattern, ...);

// The guest's text: "guest: ..." on the console, byte by byte in the ring.
void log_guest(const char *text, size_t length);

// The ring: u32 count of unread bytes, then size - 4 bytes. 0, 0 stops.
void log_set_ring(u64 gpa, u64 size);

// Prints "VMM PANIC: ..." and stops the CPU by HLT, so that the machine can be looked at.
_Noreturn void panic(const char *pattern, ...);
_Noreturn void panic_exception(u64 vector, u64 error, u64 rip);
