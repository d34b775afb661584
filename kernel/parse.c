// SPDX-License-Identifier: GPL-2.0
/*
 * The allow-list's text:
 *
 *   list    = "" | entry { "," entry }
 *   entry   = "*" | field ":" numbers
 *   field   = a convention of conventions.h | register [ "[" high ":" low "]" ]
 *   numbers = number [ "-" number ]           decimal, or hexadecimal behind 0x
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "parse.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15 };	/* as in struct hypercall_call */

static const struct {
	const char *name;
	u8 reg, high, low;
} fields[] = {
#define CONVENTION(name, reg, high, low) { name, reg, high, low },
#include "conventions.h"
#undef CONVENTION
}, registers[] = {
#define REGISTER(name, reg) { name, reg, 63, 0 }
	REGISTER("rax", RAX), REGISTER("rbx", RBX), REGISTER("rcx", RCX), REGISTER("rdx", RDX), REGISTER("rsi", RSI),
	REGISTER("rdi", RDI), REGISTER("rbp", RBP), REGISTER("r8", R8), REGISTER("r9", R9), REGISTER("r10", R10),
	REGISTER("r11", R11), REGISTER("r12", R12), REGISTER("r13", R13), REGISTER("r14", R14), REGISTER("r15", R15),
#undef REGISTER
};

static int mistake(struct allow_error *error, const char *what)
{
	error->what = what;
	return -EINVAL;
}

static int digit_of(char c, unsigned int base)
{
	int digit = isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;

	return digit < (int)base ? digit : -1;
}

static int parse_number(const char **at, u64 *number, struct allow_error *error)
{
	unsigned int base = 10;
	int digit;

	*number = 0;
	if ((*at)[0] == '0' && tolower((*at)[1]) == 'x') {
		base = 16;
		*at += 2;
	}
	if (digit_of(**at, base) < 0)
		return mistake(error, "a number is missing");
	for (; (digit = digit_of(**at, base)) >= 0; (*at)++) {
		if (check_mul_overflow(*number, (u64)base, number) || check_add_overflow(*number, (u64)digit, number))
			return mistake(error, "a number has more than 64 bits");
	}
	return 0;
}

static int parse_bits(const char **at, struct allow_entry *entry, struct allow_error *error)
{
	u64 high, low;
	int failed;

	(*at)++;
	failed = parse_number(at, &high, error);
	if (failed)
		return failed;
	if (*(*at)++ != ':')
		return mistake(error, "bits are written [HIGH:LOW]");
	failed = parse_number(at, &low, error);
	if (failed)
		return failed;
	if (*(*at)++ != ']')
		return mistake(error, "bits are written [HIGH:LOW]");
	if (high > 63 || low > high)
		return mistake(error, "bits are 63 to 0, the higher one first");
	entry->low = low;
	entry->mask = GENMASK_ULL(high - low, 0);
	return 0;
}

static int parse_field(const char **at, struct allow_entry *entry, struct allow_error *error)
{
	size_t length = strcspn(*at, "[:,");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strlen(fields[i].name) == length && !strncasecmp(fields[i].name, *at, length)) {
			entry->reg = fields[i].reg;
			entry->low = fields[i].low;
			entry->mask = GENMASK_ULL(fields[i].high - fields[i].low, 0);
			*at += length;
			return 0;
		}
	}
	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		if (strlen(registers[i].name) == length && !strncasecmp(registers[i].name, *at, length)) {
			entry->reg = registers[i].reg;
			entry->low = 0;
			entry->mask = U64_MAX;
			*at += length;
			return **at == '[' ? parse_bits(at, entry, error) : 0;
		}
	}
	return mistake(error, length ? "this is neither a convention nor a register" : "an entry is missing");
}

static int parse_entry(const char **at, struct allow_entry *entry, struct allow_error *error)
{
	int failed;

	if (**at == '*') {
		(*at)++;
		*entry = (struct allow_entry){ 0 };
		return 0;
	}
	failed = parse_field(at, entry, error);
	if (failed)
		return failed;
	if (**at != ':')
		return mistake(error, "a colon and numbers are missing");
	(*at)++;
	failed = parse_number(at, &entry->first, error);
	if (failed)
		return failed;
	entry->last = entry->first;
	if (**at == '-') {
		(*at)++;
		failed = parse_number(at, &entry->last, error);
		if (failed)
			return failed;
	}
	if (entry->last < entry->first)
		return mistake(error, "a range begins with its lower number");
	if (entry->last > entry->mask)
		return mistake(error, "the number does not fit its field");
	return 0;
}

int allow_parse(struct allow_list *list, const char *text, struct allow_error *error)
{
	size_t length = strcspn(text, "\n");
	const char *at;
	int failed = 0;

	error->at = 0;
	list->count = 0;
	if (length >= sizeof(list->text))
		return mistake(error, "the list has more than 1023 characters");
	if (text[length] && text[length + 1]) {
		error->at = length;
		return mistake(error, "the list is one line");
	}
	memcpy(list->text, text, length);
	list->text[length] = 0;
	if (!length)
		return 0;
	for (at = list->text; ; at++) {
		if (list->count == ALLOW_ENTRIES)
			failed = mistake(error, "the list has more than 64 entries");
		else
			failed = parse_entry(&at, &list->entries[list->count], error);
		if (!failed && *at && *at != ',')
			failed = mistake(error, "behind an entry comes a comma");
		if (failed)
			break;
		list->count++;
		if (!*at)
			return 0;
	}
	error->at = min_t(size_t, at - list->text, length);
	list->count = 0;
	return failed;
}

bool allow_matches(const struct allow_list *list, const u64 *registers)
{
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		const struct allow_entry *entry = &list->entries[i];
		u64 number = (registers[entry->reg] >> entry->low) & entry->mask;

		if (number >= entry->first && number <= entry->last)
			return true;
	}
	return false;
}
