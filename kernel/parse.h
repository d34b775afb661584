/* SPDX-License-Identifier: GPL-2.0 */
/* An allow-list as text, and as what a call is compared with. */
#ifndef HYPERCALL_PARSE_H
#define HYPERCALL_PARSE_H

#include <linux/types.h>

#define ALLOW_ENTRIES	64
#define ALLOW_TEXT	1024	/* with its NUL */

/*
 * One entry: the bits of a register, and the numbers that are allowed there.
 *
 *   63          low+width  low           0
 *   +-----------+-----------+------------+
 *   |           |  number   |            |     allowed when first <= number <= last
 *   +-----------+-----------+------------+
 *
 * "*" has a mask of 0, and the only number that is left, 0.
 */
struct allow_entry {
	u8 reg;		/* index in struct hypercall_call: 0 is RAX */
	u8 low;
	u64 mask;	/* of the number, after the shift */
	u64 first, last;
};

struct allow_list {
	unsigned int count;
	struct allow_entry entries[ALLOW_ENTRIES];
	char text[ALLOW_TEXT];
};

struct allow_error {
	size_t at;		/* characters before the mistake */
	const char *what;
};

/* 0, or -EINVAL and where the mistake is; a newline at the end is no part of the list. */
int allow_parse(struct allow_list *list, const char *text, struct allow_error *error);
bool allow_matches(const struct allow_list *list, const u64 *registers);

#endif
