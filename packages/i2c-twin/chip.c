// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: a chip's registers, and how a program reaches them
 *
 * A write begins with the address of a register; the bytes after it go into
 * this register and, if the chip says so, the following ones. A read begins
 * at the register where the last access ended.
 */
#include <linux/slab.h>

#include "i2c-twin.h"

static const struct twin_shape twin_default_shape = {
	.address_bytes	= 1,
	.addresses	= 1,
	.width		= 1,
	.size		= 256,
	.pointer_mask	= U32_MAX,
	.pages		= 1,
};

size_t twin_chip_bytes(const struct twin_chip *chip)
{
	const struct twin_shape *shape = &chip->shape;

	return (size_t)shape->pages * shape->size * shape->width;
}

/* Where a register of a page begins in the memory. */
size_t twin_chip_index(const struct twin_chip *chip, u32 page, u32 reg)
{
	const struct twin_shape *shape = &chip->shape;

	reg %= shape->size;
	if (reg < shape->page_first || reg > shape->page_last)
		page = 0;
	page %= shape->pages;
	return ((size_t)page * shape->size + reg) * shape->width;
}

/* A register's value, of bytes in the order in which they are sent. */
u32 twin_chip_value(const struct twin_chip *chip, const u8 *bytes)
{
	u32 value = 0;
	u8 i;

	for (i = 0; i < chip->shape.width; i++) {
		u8 at = chip->shape.little ? chip->shape.width - 1 - i : i;

		value = value << 8 | bytes[at];
	}
	return value;
}

void twin_chip_bytes_of(const struct twin_chip *chip, u32 value, u8 *bytes)
{
	u8 i;

	for (i = 0; i < chip->shape.width; i++) {
		u8 at = chip->shape.little ? i : chip->shape.width - 1 - i;

		bytes[at] = value;
		value >>= 8;
	}
}

/* The page that a program sees. The register that says so is on all pages. */
static u32 twin_chip_page(const struct twin_chip *chip)
{
	if (chip->shape.pages == 1)
		return 0;
	return twin_chip_value(chip, chip->memory +
			       twin_chip_index(chip, 0, chip->shape.page_reg));
}

/* Where the register that a program sees begins in the memory. */
size_t twin_chip_seen(const struct twin_chip *chip, u32 reg)
{
	return twin_chip_index(chip, twin_chip_page(chip), reg);
}

u32 twin_chip_get(const struct twin_chip *chip, u32 reg)
{
	return twin_chip_value(chip, chip->memory + twin_chip_seen(chip, reg));
}

/* Sets what a program sees, whether it could write that itself or not. */
void twin_chip_set(struct twin_chip *chip, u32 reg, u32 value)
{
	twin_chip_bytes_of(chip, value,
			   chip->memory + twin_chip_seen(chip, reg));
}

static void twin_chip_free_memory(struct twin_chip *chip)
{
	kvfree(chip->memory);
	kvfree(chip->writable);
	kvfree(chip->clear_on_read);
	kvfree(chip->power_on);
}

static int twin_shape_check(const struct twin_shape *shape)
{
	u32 reach = shape->addresses << (8 * shape->address_bytes);

	if (!shape->size || !shape->pages)
		return -EINVAL;
	/* Without an address all are reached by going on from the first. */
	if (shape->address_bytes && shape->size > reach)
		return -EINVAL;
	if ((u64)shape->pages * shape->size * shape->width > TWIN_MEMORY_MAX)
		return -EINVAL;
	if (shape->pages > 1 && shape->page_reg >= shape->size)
		return -EINVAL;
	if (shape->write_page & (shape->write_page - 1))
		return -EINVAL;
	return 0;
}

/**
 * twin_chip_reshape - change how a chip's registers are reached
 * @chip: a chip that is not enabled and has nothing in it yet
 * @shape: the new shape
 *
 * All registers become 0 and writable.
 *
 * Return: 0, -EINVAL for a shape that no chip has, or -ENOMEM; the chip is
 * then as it was.
 */
int twin_chip_reshape(struct twin_chip *chip, const struct twin_shape *shape)
{
	struct twin_chip fresh = { .shape = *shape };
	size_t bytes;
	int ret;

	ret = twin_shape_check(shape);
	if (ret)
		return ret;
	bytes = twin_chip_bytes(&fresh);
	fresh.memory = kvzalloc(bytes, GFP_KERNEL);
	fresh.writable = kvzalloc(bytes, GFP_KERNEL);
	fresh.clear_on_read = kvzalloc(bytes, GFP_KERNEL);
	fresh.power_on = kvzalloc(bytes, GFP_KERNEL);
	if (!fresh.memory || !fresh.writable || !fresh.clear_on_read ||
	    !fresh.power_on) {
		twin_chip_free_memory(&fresh);
		return -ENOMEM;
	}
	memset(fresh.writable, 0xff, bytes);

	twin_chip_free_memory(chip);
	chip->shape = *shape;
	chip->memory = fresh.memory;
	chip->writable = fresh.writable;
	chip->clear_on_read = fresh.clear_on_read;
	chip->power_on = fresh.power_on;
	chip->load_page = 0;
	chip->pointer = 0;
	chip->offset = 0;
	chip->increment = !shape->increment_value;
	return 0;
}

/**
 * twin_chip_erase - make a chip as it was when it was made
 * @chip: a chip that is not enabled
 *
 * Return: 0, or -ENOMEM; the chip is then as it was.
 */
int twin_chip_erase(struct twin_chip *chip)
{
	int ret = twin_chip_reshape(chip, &twin_default_shape);

	if (ret)
		return ret;
	twin_hooks_free(chip);
	memset(chip->variable, 0, sizeof(chip->variable));
	memset(chip->fault, 0, sizeof(chip->fault));
	chip->clock_offset = 0;
	chip->filled = false;
	return 0;
}

struct twin_chip *twin_chip_alloc(void)
{
	struct twin_chip *chip = kzalloc(sizeof(*chip), GFP_KERNEL);

	if (!chip)
		return NULL;
	INIT_LIST_HEAD(&chip->hooks);
	if (twin_chip_erase(chip)) {
		kfree(chip);
		return NULL;
	}
	return chip;
}

void twin_chip_free(struct twin_chip *chip)
{
	twin_hooks_free(chip);
	twin_chip_free_memory(chip);
	kfree(chip);
}

/* As after the power came on: what was loaded until `save`. */
void twin_chip_reset(struct twin_chip *chip)
{
	memcpy(chip->memory, chip->power_on, twin_chip_bytes(chip));
}

bool twin_chip_busy(const struct twin_chip *chip)
{
	return chip->busy_until && ktime_before(ktime_get(), chip->busy_until);
}

static void twin_chip_fire(struct twin_chip *chip, enum twin_event event)
{
	const struct twin_moment moment = {
		.written = chip->written,
		.reg = chip->pointer,
	};

	twin_hooks_fire(chip, event, &moment);
}

static void twin_chip_select(struct twin_chip *chip, u32 address)
{
	const struct twin_shape *shape = &chip->shape;

	chip->pointer = (address & shape->pointer_mask) % shape->size;
	chip->increment = (address & shape->increment_mask) ==
			  shape->increment_value;
	chip->offset = 0;
	chip->written = 0;
	twin_chip_fire(chip, TWIN_ON_SELECT);
}

/* A register of which a program wrote only the first bytes is written, too. */
static void twin_chip_end_write(struct twin_chip *chip)
{
	if (chip->half_written)
		twin_chip_fire(chip, TWIN_ON_WRITE);
	chip->half_written = false;
}

/**
 * twin_chip_start - a start condition with this chip's address
 * @chip: the chip
 * @block: which of its addresses
 * @read: whether the program wants to read
 */
void twin_chip_start(struct twin_chip *chip, unsigned int block, bool read)
{
	twin_chip_end_write(chip);
	chip->offset = 0;
	if (read)
		return;
	chip->address_left = chip->shape.address_bytes;
	chip->address_so_far = block;
	if (!chip->address_left)
		twin_chip_select(chip, 0);
}

/* Goes to the next byte; within a page, where that is how writes go. */
static void twin_chip_advance(struct twin_chip *chip, bool writing)
{
	u32 page = chip->shape.write_page;
	u32 next = chip->pointer + 1;

	if (++chip->offset < chip->shape.width)
		return;
	chip->offset = 0;
	if (!chip->increment)
		return;
	if (writing && page)
		next = (chip->pointer & ~(page - 1)) | (next & (page - 1));
	chip->pointer = next % chip->shape.size;
}

static void twin_chip_put(struct twin_chip *chip, u8 byte)
{
	size_t at = twin_chip_seen(chip, chip->pointer) + chip->offset;
	u8 mask = chip->writable[at];
	u8 whole[sizeof(u32)] = { };

	/* Of a register that is written in part the rest counts as it was. */
	if (!chip->offset)
		chip->written = twin_chip_get(chip, chip->pointer);
	twin_chip_bytes_of(chip, chip->written, whole);
	whole[chip->offset] = byte;
	chip->written = twin_chip_value(chip, whole);

	chip->memory[at] = (chip->memory[at] & ~mask) | (byte & mask);
	chip->data_written = true;
	chip->half_written = chip->offset < chip->shape.width - 1;
	if (!chip->half_written)
		twin_chip_fire(chip, TWIN_ON_WRITE);
	twin_chip_advance(chip, true);
}

/**
 * twin_chip_take - a byte that a program writes
 * @chip: the chip
 * @block: which of its addresses was written to
 * @byte: the byte
 *
 * Return: 0, or -EIO when it is not acknowledged.
 */
int twin_chip_take(struct twin_chip *chip, unsigned int block, u8 byte)
{
	if (chip->spoiled & BIT(TWIN_NACK_DATA) &&
	    chip->bytes_taken >= chip->fault[TWIN_NACK_DATA].value)
		return -EIO;

	chip->bytes_taken++;
	chip->counters.bytes_written++;
	if (!chip->address_left) {
		twin_chip_put(chip, byte);
		return 0;
	}
	chip->address_so_far = chip->address_so_far << 8 | byte;
	if (!--chip->address_left)
		twin_chip_select(chip, chip->address_so_far);
	return 0;
}

static u8 twin_chip_spoil(struct twin_chip *chip, u32 reg, u8 byte)
{
	const struct twin_fault *fault = &chip->fault[TWIN_XOR];

	if (!(chip->spoiled & BIT(TWIN_XOR)))
		return byte;
	if (reg < fault->first || reg > fault->last)
		return byte;
	return byte ^ fault->value;
}

/**
 * twin_chip_give - a byte that a program reads
 * @chip: the chip
 *
 * Return: the byte.
 */
u8 twin_chip_give(struct twin_chip *chip)
{
	u32 reg = chip->pointer;
	size_t at;
	u8 byte;

	if (!chip->offset)
		twin_chip_fire(chip, TWIN_ON_READ);
	at = twin_chip_seen(chip, reg) + chip->offset;
	byte = chip->memory[at];
	chip->memory[at] &= ~chip->clear_on_read[at];
	chip->counters.bytes_read++;
	twin_chip_advance(chip, false);
	return twin_chip_spoil(chip, reg, byte);
}

/**
 * twin_chip_stop - a stop condition after this chip was addressed
 * @chip: the chip
 */
void twin_chip_stop(struct twin_chip *chip)
{
	u32 cycle = chip->shape.write_cycle;

	twin_chip_end_write(chip);
	if (chip->data_written && cycle)
		chip->busy_until = ktime_add_ms(ktime_get(), cycle);
	chip->data_written = false;
}
