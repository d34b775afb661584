// The words every file uses. Freestanding: no libc.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)
#define LARGE_PAGE_SIZE (2ull << 20)

#define page_aligned __attribute__((aligned(4096)))
#define array_length(a) (sizeof(a) / sizeof((a)[0]))

void *memset(void *to, int value, size_t length);
void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
bool same_text(const char *a, const char *b);
