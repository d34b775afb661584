#define _GNU_SOURCE
#include "peers.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Documentation/admin-guide/mm/pagemap.rst: 8 bytes a page, bit 63 present, bits 0-54 the frame.
#define ENTRY sizeof(uint64_t)
#define PRESENT (1ull << 63)
#define FRAME ((1ull << 55) - 1)
#define PAGE 4096ul

// Small pages, written to: what a program has that was not given huge ones.
void *peer_touched_memory(long pages)
{
    char *start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    madvise(start, pages * PAGE, MADV_NOHUGEPAGE);
    for (long i = 0; i < pages; i++) {
        start[i * PAGE] = 1;
    }
    return start;
}

void peer_free_memory(void *start, long pages)
{
    munmap(start, pages * PAGE);
}

// One pread for all pages, then each entry to a frame. Returns 0, or -1 when a page has no known frame.
long peer_translate(const void *start, long pages)
{
    long result = 0;
    uint64_t *entries = malloc(pages * ENTRY);
    uint64_t *frames = malloc(pages * sizeof *frames);
    int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    size_t length = pages * ENTRY;
    if (file < 0 || pread(file, entries, length, (uintptr_t)start / PAGE * ENTRY) != (ssize_t)length) {
        result = -1;
    }
    for (long i = 0; i < pages && result == 0; i++) {
        frames[i] = entries[i] & FRAME;
        if ((entries[i] & PRESENT) == 0 || frames[i] == 0) {
            result = -1;
        }
    }
    __asm__ volatile("" : : "r"(frames) : "memory"); // somebody would use them
    if (file >= 0) {
        close(file);
    }
    free(frames);
    free(entries);
    return result;
}

// The textbook way: open, seek, read and close for each page.
long peer_translate_textbook(const void *start, long pages)
{
    for (long i = 0; i < pages; i++) {
        uint64_t entry;
        FILE *file = fopen("/proc/self/pagemap", "rb");
        if (file == NULL) {
            return -1;
        }
        fseek(file, ((uintptr_t)start / PAGE + i) * ENTRY, SEEK_SET);
        size_t read = fread(&entry, ENTRY, 1, file);
        fclose(file);
        if (read != 1 || (entry & PRESENT) == 0 || (entry & FRAME) == 0) {
            return -1;
        }
    }
    return 0;
}

// Memory that is locked, so that it cannot be swapped out; it may still move.
long peer_map_and_lock(long bytes, long count)
{
    for (long i = 0; i < count; i++) {
        void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED || mlock(start, bytes) != 0) {
            return -1;
        }
        munmap(start, bytes);
    }
    return 0;
}
