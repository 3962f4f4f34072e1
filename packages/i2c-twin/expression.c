// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: expressions in postfix notation, for what hooks compute
 *
 *	12 0x1f		a number
 *	r0xf4 v3	what is in register 0xf4, in variable 3
 *	r@ v@		the same, with the number taken from the stack
 *	w		what the program wrote to the register
 *	n		the number of that register
 *	ms		milliseconds since the system started
 *	+ - * / %	arithmetic on 64 bits with sign; division by 0 gives 0
 *	& | ^ ~ << >>	bits
 *	= != < > !	comparison, 1 or 0
 *	min max		the smaller, the larger one
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "i2c-twin.h"

#define TWIN_STEPS_MAX	96
#define TWIN_DEPTH_MAX	16

enum twin_op {
	TWIN_PUSH, TWIN_REGISTER, TWIN_VARIABLE,
	TWIN_REGISTER_AT, TWIN_VARIABLE_AT, TWIN_INVERT, TWIN_NOT,
	TWIN_WRITTEN, TWIN_NUMBER, TWIN_NOW,
	TWIN_ADD, TWIN_SUBTRACT, TWIN_MULTIPLY, TWIN_DIVIDE, TWIN_MODULO,
	TWIN_AND, TWIN_OR, TWIN_XOR_BITS, TWIN_LEFT, TWIN_RIGHT,
	TWIN_EQUAL, TWIN_DIFFERENT, TWIN_LESS, TWIN_GREATER,
	TWIN_MIN, TWIN_MAX,
};

struct twin_step {
	enum twin_op op;
	s64 value;
};

struct twin_expression {
	unsigned int count;
	struct twin_step steps[];
};

/* The words that are operators; what they take is what they find. */
static const struct {
	const char *word;
	enum twin_op op;
	int takes;
} twin_ops[] = {
	{ "w", TWIN_WRITTEN, 0 }, { "n", TWIN_NUMBER, 0 },
	{ "ms", TWIN_NOW, 0 },
	{ "r@", TWIN_REGISTER_AT, 1 }, { "v@", TWIN_VARIABLE_AT, 1 },
	{ "~", TWIN_INVERT, 1 }, { "!", TWIN_NOT, 1 },
	{ "+", TWIN_ADD, 2 }, { "-", TWIN_SUBTRACT, 2 },
	{ "*", TWIN_MULTIPLY, 2 }, { "/", TWIN_DIVIDE, 2 },
	{ "%", TWIN_MODULO, 2 },
	{ "&", TWIN_AND, 2 }, { "|", TWIN_OR, 2 }, { "^", TWIN_XOR_BITS, 2 },
	{ "<<", TWIN_LEFT, 2 }, { ">>", TWIN_RIGHT, 2 },
	{ "=", TWIN_EQUAL, 2 }, { "!=", TWIN_DIFFERENT, 2 },
	{ "<", TWIN_LESS, 2 }, { ">", TWIN_GREATER, 2 },
	{ "min", TWIN_MIN, 2 }, { "max", TWIN_MAX, 2 },
};

static s64 twin_divide(s64 a, s64 b, bool modulo)
{
	s64 quotient;

	/* The one quotient that does not fit is what a processor traps on. */
	if (!b || (a == S64_MIN && b == -1))
		return 0;
	quotient = div64_s64(a, b);
	return modulo ? a - quotient * b : quotient;
}

/* Shifts of what is there to be shifted out give what is left then. */
static s64 twin_shift(s64 a, s64 by, bool left)
{
	if (by < 0 || by > 63)
		return left || a >= 0 ? 0 : -1;
	return left ? (s64)((u64)a << by) : a >> by;
}

static s64 twin_binary(enum twin_op op, s64 a, s64 b)
{
	switch (op) {
	case TWIN_ADD:
		return (s64)((u64)a + (u64)b);
	case TWIN_SUBTRACT:
		return (s64)((u64)a - (u64)b);
	case TWIN_MULTIPLY:
		return (s64)((u64)a * (u64)b);
	case TWIN_DIVIDE:
		return twin_divide(a, b, false);
	case TWIN_MODULO:
		return twin_divide(a, b, true);
	case TWIN_AND:
		return a & b;
	case TWIN_OR:
		return a | b;
	case TWIN_XOR_BITS:
		return a ^ b;
	case TWIN_LEFT:
		return twin_shift(a, b, true);
	case TWIN_RIGHT:
		return twin_shift(a, b, false);
	case TWIN_EQUAL:
		return a == b;
	case TWIN_DIFFERENT:
		return a != b;
	case TWIN_LESS:
		return a < b;
	case TWIN_GREATER:
		return a > b;
	case TWIN_MIN:
		return min(a, b);
	case TWIN_MAX:
		return max(a, b);
	default:
		return 0;
	}
}

static s64 twin_unary(const struct twin_chip *chip, enum twin_op op, s64 a)
{
	switch (op) {
	case TWIN_REGISTER_AT:
		return twin_chip_get(chip, a);
	case TWIN_VARIABLE_AT:
		return chip->variable[a & (TWIN_VARIABLES - 1)];
	case TWIN_INVERT:
		return ~a;
	default:
		return !a;
	}
}

static s64 twin_operand(const struct twin_chip *chip,
			const struct twin_step *step,
			const struct twin_moment *moment)
{
	switch (step->op) {
	case TWIN_REGISTER:
		return twin_chip_get(chip, step->value);
	case TWIN_VARIABLE:
		return chip->variable[step->value];
	case TWIN_WRITTEN:
		return moment->written;
	case TWIN_NUMBER:
		return moment->reg;
	case TWIN_NOW:
		return ktime_to_ms(ktime_get_boottime());
	default:
		return step->value;
	}
}

/**
 * twin_expression_value - compute an expression
 * @expression: the expression
 * @chip: whose registers and variables it reads
 * @moment: the access that it is about
 *
 * Return: its value.
 */
s64 twin_expression_value(const struct twin_expression *expression,
			  struct twin_chip *chip,
			  const struct twin_moment *moment)
{
	s64 stack[TWIN_DEPTH_MAX];
	unsigned int depth = 0;
	unsigned int i;

	for (i = 0; i < expression->count; i++) {
		const struct twin_step *step = &expression->steps[i];

		if (step->op >= TWIN_ADD) {
			depth--;
			stack[depth - 1] = twin_binary(step->op,
						       stack[depth - 1],
						       stack[depth]);
		} else if (step->op >= TWIN_REGISTER_AT &&
			   step->op <= TWIN_NOT) {
			stack[depth - 1] = twin_unary(chip, step->op,
						      stack[depth - 1]);
		} else {
			stack[depth++] = twin_operand(chip, step, moment);
		}
	}
	return stack[0];
}

/* Reads a word into a step. Returns how many values it takes, or an error. */
static int twin_step_parse(const char *word, struct twin_step *step)
{
	unsigned int i;
	u32 index;

	for (i = 0; i < ARRAY_SIZE(twin_ops); i++) {
		if (strcmp(word, twin_ops[i].word))
			continue;
		step->op = twin_ops[i].op;
		return twin_ops[i].takes;
	}
	if (word[0] == 'r' && !twin_number(word + 1, &index)) {
		step->op = TWIN_REGISTER;
		step->value = index;
		return 0;
	}
	if (word[0] == 'v' && !twin_number(word + 1, &index) &&
	    index < TWIN_VARIABLES) {
		step->op = TWIN_VARIABLE;
		step->value = index;
		return 0;
	}
	step->op = TWIN_PUSH;
	return kstrtos64(word, 0, &step->value);
}

static bool twin_ends(const char *line, const char *const *until)
{
	size_t length;

	for (; *until; until++) {
		length = strlen(*until);
		if (!strncmp(line, *until, length) &&
		    (!line[length] || line[length] == ' '))
			return true;
	}
	return false;
}

static struct twin_expression *
twin_expression_trim(struct twin_expression *expression)
{
	struct twin_expression *trimmed;

	trimmed = krealloc(expression,
			   struct_size(expression, steps, expression->count),
			   GFP_KERNEL);
	return trimmed ? trimmed : expression;
}

struct twin_expression *twin_expression_parse(char **words,
					      const char *const *until)
{
	struct twin_expression *expression;
	int depth = 0;
	int takes;

	expression = kzalloc(struct_size(expression, steps, TWIN_STEPS_MAX),
			     GFP_KERNEL);
	if (!expression)
		return ERR_PTR(-ENOMEM);

	while (**words && !twin_ends(*words, until)) {
		if (expression->count == TWIN_STEPS_MAX)
			goto bad;
		expression->count++;
		takes = twin_step_parse(twin_word(words),
					&expression->steps[expression->count - 1]);
		if (takes < 0 || takes > depth)
			goto bad;
		depth += 1 - takes;
		if (depth > TWIN_DEPTH_MAX)
			goto bad;
	}
	if (depth == 1)
		return twin_expression_trim(expression);
bad:
	kfree(expression);
	return ERR_PTR(-EINVAL);
}
