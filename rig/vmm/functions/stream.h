// Sixteen streams: what a transfer function saw, so that a test can check every byte of it.
#pragma once
#include "../types.h"

#define STREAMS 16

struct stream {
    u64 hash;     // FNV-1a, 64 bits, of the bytes that came
    u64 position; // bytes handled, either way
    u64 sum;      // of the bytes that came
};

#define FNV_START 0xcbf29ce484222325ull // FNV-1a, 64 bits: draft-eastlake-fnv
#define FNV_PRIME 0x100000001b3ull

extern struct stream streams[STREAMS];

static inline u64 fnv(u64 hash, u8 byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

// What the VMM writes at a position: no two neighbours, pages or keys look alike.
static inline u8 pattern(u8 key, u64 position)
{
    return (u8)(key ^ position ^ position >> 8 ^ position >> 16);
}
