// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: the language in which a chip is described
 *
 * One thing a line; what follows # is for people. Numbers are decimal or
 * begin with 0x; REG is a register's number, counted in registers whatever
 * their width. First the shape (see struct twin_shape), then what is in it:
 *
 *	erase				begin anew
 *	address-bits 0|8|16
 *	addresses N			answers at so many addresses
 *	value-bits 8|16|24|32
 *	order big|little
 *	size N
 *	pointer-mask MASK
 *	increment always|never|MASK VALUE
 *	write-page N
 *	write-cycle MS
 *	pages COUNT REG FIRST-LAST
 *
 *	f0: 12 34 XX ff			values from register 0xf0 on, all in
 *					hexadecimal; XX leaves one as it is.
 *					The output of i2cdump is such lines.
 *	fill REG[-REG] VALUE		the same value in all of them
 *	mask REG[-REG] MASK		the bits that can be written
 *	read-only REG[-REG]		mask 0
 *	clear-on-read REG[-REG] MASK
 *	page N				the lines after it are about page N
 *	var N VALUE			a variable of the hooks
 *	save				this is what power-on and reset give
 *	on ...				a hook, see hook.c
 */
#include <linux/ctype.h>
#include <linux/hex.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "i2c-twin.h"

/* A row of i2cdump: so many values, then the same as text. */
#define TWIN_ROW	16

/**
 * twin_word - take the next word off a line
 * @line: the line; moves to what follows
 *
 * Return: the word, empty at the end of the line.
 */
char *twin_word(char **line)
{
	char *word = skip_spaces(*line);
	char *end = word;

	while (*end && !isspace(*end))
		end++;
	*line = skip_spaces(end);
	*end = '\0';
	return word;
}

int twin_number(const char *word, u32 *value)
{
	return kstrtou32(word, 0, value);
}

/* Reads `REG` or `REG-REG`. */
int twin_range(const char *word, u32 *first, u32 *last)
{
	const char *dash = strchr(word, '-');
	char begin[16];

	if (!dash) {
		if (twin_number(word, first))
			return -EINVAL;
		*last = *first;
		return 0;
	}
	if (dash - word >= sizeof(begin))
		return -EINVAL;
	memcpy(begin, word, dash - word);
	begin[dash - word] = '\0';
	if (twin_number(begin, first) || twin_number(dash + 1, last))
		return -EINVAL;
	return *first > *last ? -EINVAL : 0;
}

/* Reads the number that must be the rest of a line. */
static int twin_last_number(char *line, u32 *value)
{
	if (twin_number(twin_word(&line), value) || *line)
		return -EINVAL;
	return 0;
}

static int twin_bits(char *line, u8 *bytes, u32 least, u32 most)
{
	u32 bits;

	if (twin_last_number(line, &bits) || bits % 8)
		return -EINVAL;
	if (bits < least || bits > most)
		return -EINVAL;
	*bytes = bits / 8;
	return 0;
}

static int twin_address_bits(struct twin_shape *shape, char *line)
{
	return twin_bits(line, &shape->address_bytes, 0, 16);
}

static int twin_addresses(struct twin_shape *shape, char *line)
{
	u32 addresses;

	if (twin_last_number(line, &addresses) || !addresses || addresses > 8)
		return -EINVAL;
	shape->addresses = addresses;
	return 0;
}

static int twin_value_bits(struct twin_shape *shape, char *line)
{
	return twin_bits(line, &shape->width, 8, 32);
}

static int twin_order(struct twin_shape *shape, char *line)
{
	const char *word = twin_word(&line);

	shape->little = !strcmp(word, "little");
	return shape->little || !strcmp(word, "big") ? 0 : -EINVAL;
}

static int twin_size(struct twin_shape *shape, char *line)
{
	return twin_last_number(line, &shape->size);
}

static int twin_pointer_mask(struct twin_shape *shape, char *line)
{
	return twin_last_number(line, &shape->pointer_mask);
}

static int twin_increment(struct twin_shape *shape, char *line)
{
	const char *word = twin_word(&line);

	shape->increment_mask = 0;
	shape->increment_value = !strcmp(word, "never");
	if (shape->increment_value || !strcmp(word, "always"))
		return 0;
	if (twin_number(word, &shape->increment_mask))
		return -EINVAL;
	return twin_last_number(line, &shape->increment_value);
}

static int twin_write_page(struct twin_shape *shape, char *line)
{
	return twin_last_number(line, &shape->write_page);
}

static int twin_write_cycle(struct twin_shape *shape, char *line)
{
	return twin_last_number(line, &shape->write_cycle);
}

static int twin_pages(struct twin_shape *shape, char *line)
{
	if (twin_number(twin_word(&line), &shape->pages) ||
	    twin_number(twin_word(&line), &shape->page_reg))
		return -EINVAL;
	return twin_range(twin_word(&line), &shape->page_first,
			  &shape->page_last);
}

static const struct {
	const char *word;
	int (*parse)(struct twin_shape *shape, char *line);
} twin_shapes[] = {
	{ "address-bits", twin_address_bits },
	{ "addresses", twin_addresses },
	{ "value-bits", twin_value_bits },
	{ "order", twin_order },
	{ "size", twin_size },
	{ "pointer-mask", twin_pointer_mask },
	{ "increment", twin_increment },
	{ "write-page", twin_write_page },
	{ "write-cycle", twin_write_cycle },
	{ "pages", twin_pages },
};

/* Reads the registers that the rest of a line is about, and their value. */
static int twin_mask_words(struct twin_chip *chip, char *line, u32 *first,
			   u32 *last, u32 *mask)
{
	if (twin_range(twin_word(&line), first, last) ||
	    *last >= chip->shape.size)
		return -EINVAL;
	return mask ? twin_last_number(line, mask) : 0;
}

static int twin_set_range(struct twin_chip *chip, u8 *target, u32 first,
			  u32 last, u32 value)
{
	u32 reg;

	for (reg = first; reg <= last; reg++)
		twin_chip_bytes_of(chip, value, target +
				   twin_chip_index(chip, chip->load_page, reg));
	return 0;
}

static int twin_fill(struct twin_chip *chip, char *line)
{
	u32 first, last, value;

	if (twin_mask_words(chip, line, &first, &last, &value))
		return -EINVAL;
	return twin_set_range(chip, chip->memory, first, last, value);
}

static int twin_mask(struct twin_chip *chip, char *line)
{
	u32 first, last, mask;

	if (twin_mask_words(chip, line, &first, &last, &mask))
		return -EINVAL;
	return twin_set_range(chip, chip->writable, first, last, mask);
}

static int twin_read_only(struct twin_chip *chip, char *line)
{
	u32 first, last;

	if (twin_mask_words(chip, line, &first, &last, NULL))
		return -EINVAL;
	return twin_set_range(chip, chip->writable, first, last, 0);
}

static int twin_clear_on_read(struct twin_chip *chip, char *line)
{
	u32 first, last, mask;

	if (twin_mask_words(chip, line, &first, &last, &mask))
		return -EINVAL;
	return twin_set_range(chip, chip->clear_on_read, first, last, mask);
}

static int twin_page(struct twin_chip *chip, char *line)
{
	u32 page;

	if (twin_last_number(line, &page) || page >= chip->shape.pages)
		return -EINVAL;
	chip->load_page = page;
	return 0;
}

static int twin_var(struct twin_chip *chip, char *line)
{
	u32 index;

	if (twin_number(twin_word(&line), &index) || index >= TWIN_VARIABLES)
		return -EINVAL;
	return kstrtos64(line, 0, &chip->variable[index]);
}

static int twin_save(struct twin_chip *chip, char *line)
{
	memcpy(chip->power_on, chip->memory, twin_chip_bytes(chip));
	return 0;
}

static const struct {
	const char *word;
	int (*parse)(struct twin_chip *chip, char *line);
} twin_contents[] = {
	{ "fill", twin_fill },
	{ "mask", twin_mask },
	{ "read-only", twin_read_only },
	{ "clear-on-read", twin_clear_on_read },
	{ "page", twin_page },
	{ "var", twin_var },
	{ "save", twin_save },
	{ "on", twin_hook_parse },
};

static int twin_shape_line(struct twin_chip *chip,
			   int (*parse)(struct twin_shape *, char *),
			   char *line)
{
	struct twin_shape shape = chip->shape;

	if (chip->enabled || chip->filled)
		return -EBUSY;
	if (parse(&shape, line))
		return -EINVAL;
	return twin_chip_reshape(chip, &shape);
}

/* The value of a word of a row; 0 for one that says nothing. */
static int twin_row_value(const struct twin_chip *chip, const char *word,
			  u32 *value)
{
	size_t digits = strlen(word);

	if (digits > chip->shape.width * 2 || !isxdigit(*word))
		return -EINVAL;
	return kstrtou32(word, 16, value);
}

static int twin_row(struct twin_chip *chip, const char *label, char *line)
{
	u32 value;
	u32 reg;
	int i;

	if (kstrtou32(label, 16, &reg))
		return -EINVAL;
	for (i = 0; *line; i++, reg++) {
		const char *word;

		/* What stands this far from the last value is its text. */
		if (i == TWIN_ROW)
			return line[-1] == ' ' && line[-2] == ' ' ? 0 : -EINVAL;
		word = twin_word(&line);
		if (reg >= chip->shape.size)
			return -ERANGE;
		if (!strcasecmp(word, "XX") || !strcasecmp(word, "XXXX"))
			continue;
		if (twin_row_value(chip, word, &value))
			return -EINVAL;
		twin_chip_bytes_of(chip, value, chip->memory +
				   twin_chip_index(chip, chip->load_page, reg));
	}
	return 0;
}

/* The head of what i2cdump prints: the last digits of the registers. */
static bool twin_dump_head(const char *line)
{
	return strstarts(line, "0  1  2") || strstarts(line, "0,8  1,9");
}

static int twin_line(struct twin_chip *chip, char *line)
{
	char *word;
	size_t length;
	unsigned int i;

	line = strim(line);
	if (!*line || twin_dump_head(line))
		return 0;
	word = twin_word(&line);
	if (!strcmp(word, "erase"))
		return chip->enabled ? -EBUSY : twin_chip_erase(chip);
	for (i = 0; i < ARRAY_SIZE(twin_shapes); i++) {
		if (!strcmp(word, twin_shapes[i].word))
			return twin_shape_line(chip, twin_shapes[i].parse,
					       line);
	}

	length = strlen(word);
	for (i = 0; i < ARRAY_SIZE(twin_contents); i++) {
		if (strcmp(word, twin_contents[i].word))
			continue;
		chip->filled = true;
		return twin_contents[i].parse(chip, line);
	}
	if (word[length - 1] != ':')
		return -EINVAL;
	word[length - 1] = '\0';
	chip->filled = true;
	return twin_row(chip, word, line);
}

/**
 * twin_script_line - do what a line of a script says
 * @chip: the chip
 * @line: the line; is written to
 *
 * Return: 0; -EINVAL for a line that is none, -EBUSY for a shape that comes
 * too late, -ERANGE for a register that there is not, -ENOSPC for a hook too
 * many, -ENOMEM.
 */
int twin_script_line(struct twin_chip *chip, char *line)
{
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	return twin_line(chip, line);
}
