// The nested page tables (NPT, EPT): guest physical addresses are host physical ones, but for the VMM's own memory.
#pragma once
#include "types.h"

// Builds them. The cacheability bits are EPT's; NPT takes them from the guest's tables and the MTRRs.
void nested_init(bool is_ept);
extern u64 nested_root[512];

// While on, the guest's writes to the VMM's memory go to a page that is thrown away afterwards.
void nested_open_scratch(void);
void nested_close_scratch(void);
