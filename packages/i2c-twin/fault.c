// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: faults on demand
 *
 *	nack			the chip does not answer to its address
 *	gone			the same; `gone after 100` reads better
 *	nack-data BYTES		it takes so many bytes of a transfer, no more
 *	xor MASK [REG[-REG]]	it is read wrong: these bits are turned over
 *	stuck			it holds the bus: nothing on it gets through
 *	slow MS			it stretches the clock
 *	clear			all is well again
 *
 * Each but the last may end in `after N` (the next N transfers with this chip
 * still go well) and `times N` (it is over after so many more).
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "i2c-twin.h"

static const struct {
	const char *word;
	enum twin_fault_kind kind;
	bool valued;
} twin_faults[] = {
	{ "nack", TWIN_NACK, false },
	{ "nack-data", TWIN_NACK_DATA, true },
	{ "xor", TWIN_XOR, true },
	{ "stuck", TWIN_STUCK, false },
	{ "slow", TWIN_SLOW, true },
	{ "gone", TWIN_NACK, false },
};

/**
 * twin_faults_next - the faults of the transfer that begins now
 * @chip: the chip that it addresses
 *
 * Return: a bit for each kind of fault.
 */
unsigned long twin_faults_next(struct twin_chip *chip)
{
	unsigned long spoiled = 0;
	int kind;

	for (kind = 0; kind < TWIN_FAULTS; kind++) {
		struct twin_fault *fault = &chip->fault[kind];

		if (!fault->on)
			continue;
		if (fault->after) {
			fault->after--;
			continue;
		}
		spoiled |= BIT(kind);
		/* How long the bus is stuck counts in transfers of the bus. */
		if (kind != TWIN_STUCK && fault->times && !--fault->times)
			fault->on = false;
	}
	return spoiled;
}

static int twin_fault_limits(struct twin_fault *fault, char **line)
{
	const char *word;

	while (**line) {
		u32 *limit;

		word = twin_word(line);
		if (!strcmp(word, "after"))
			limit = &fault->after;
		else if (!strcmp(word, "times"))
			limit = &fault->times;
		else
			return -EINVAL;
		if (twin_number(twin_word(line), limit))
			return -EINVAL;
	}
	return 0;
}

static void twin_faults_clear(struct twin_chip *chip)
{
	memset(chip->fault, 0, sizeof(chip->fault));
	if (chip->bus->stuck == chip)
		chip->bus->stuck = NULL;
}

/**
 * twin_fault_parse - order a fault
 * @chip: the chip
 * @line: what to order; is written to
 *
 * A fault takes the place of an earlier one of its kind.
 *
 * Return: 0, or -EINVAL for what is no fault.
 */
int twin_fault_parse(struct twin_chip *chip, char *line)
{
	struct twin_fault fault = { .on = true, .last = U32_MAX };
	const char *word = twin_word(&line);
	unsigned int i;

	if (!*word)
		return 0;
	if (!strcmp(word, "clear")) {
		twin_faults_clear(chip);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(twin_faults); i++) {
		if (!strcmp(word, twin_faults[i].word))
			break;
	}
	if (i == ARRAY_SIZE(twin_faults))
		return -EINVAL;
	if (twin_faults[i].valued &&
	    twin_number(twin_word(&line), &fault.value))
		return -EINVAL;
	if (twin_faults[i].kind == TWIN_XOR && isdigit(*line) &&
	    twin_range(twin_word(&line), &fault.first, &fault.last))
		return -EINVAL;
	if (twin_fault_limits(&fault, &line))
		return -EINVAL;
	chip->fault[twin_faults[i].kind] = fault;
	return 0;
}

/**
 * twin_faults_show - the faults that are ordered, as they would be ordered
 * @chip: the chip
 * @page: where to write
 *
 * Return: how many bytes were written.
 */
ssize_t twin_faults_show(struct twin_chip *chip, char *page)
{
	ssize_t at = 0;
	int kind;

	for (kind = 0; kind < TWIN_FAULTS; kind++) {
		const struct twin_fault *fault = &chip->fault[kind];

		if (!fault->on)
			continue;
		at += sysfs_emit_at(page, at, "%s", twin_faults[kind].word);
		if (twin_faults[kind].valued)
			at += sysfs_emit_at(page, at, " %#x", fault->value);
		if (kind == TWIN_XOR && fault->last != U32_MAX)
			at += sysfs_emit_at(page, at, " %#x-%#x", fault->first,
					    fault->last);
		if (fault->after)
			at += sysfs_emit_at(page, at, " after %u",
					    fault->after);
		if (fault->times)
			at += sysfs_emit_at(page, at, " times %u",
					    fault->times);
		at += sysfs_emit_at(page, at, "\n");
	}
	return at;
}
