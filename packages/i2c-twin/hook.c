// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: hooks, what a chip does by itself when it is spoken to
 *
 *	on write|read|select REG[-REG] [when EXPRESSION] [after MS]
 *		do ACTION [; ACTION]...
 *
 * (one line.) Actions:
 *
 *	set REG EXPRESSION		a register becomes a value
 *	store REG COUNT [little] EXPRESSION
 *					so many bytes of a value, one into each
 *					register, the highest (little: the
 *					lowest) first
 *	copy TO FROM COUNT		registers become what others are
 *	var N EXPRESSION		a variable becomes a value
 *	reset				registers become what they were at
 *					power-on
 *	clock-read REG			the time into seven registers
 *	clock-write REG			the time out of them
 *
 * What is to happen later is kept with its time and done when somebody looks:
 * there is no timer that could outlive the chip. Actions set off no hooks.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "i2c-twin.h"

enum twin_verb {
	TWIN_SET,
	TWIN_STORE,
	TWIN_COPY,
	TWIN_VAR,
	TWIN_RESET,
	TWIN_CLOCK_READ,
	TWIN_CLOCK_WRITE,
};

/**
 * struct twin_action - one thing that a hook does
 * @node: in the actions of the hook
 * @verb: what
 * @to: the first register, or the variable
 * @from: the first register to copy
 * @count: how many registers
 * @little: the lowest byte first
 * @value: what to compute
 */
struct twin_action {
	struct list_head node;
	enum twin_verb verb;
	u32 to;
	u32 from;
	u32 count;
	bool little;
	struct twin_expression *value;
};

static const struct {
	const char *word;
	enum twin_verb verb;
} twin_verbs[] = {
	{ "set", TWIN_SET },
	{ "store", TWIN_STORE },
	{ "copy", TWIN_COPY },
	{ "var", TWIN_VAR },
	{ "reset", TWIN_RESET },
	{ "clock-read", TWIN_CLOCK_READ },
	{ "clock-write", TWIN_CLOCK_WRITE },
};

static const char *const twin_events[] = {
	[TWIN_ON_WRITE]		= "write",
	[TWIN_ON_READ]		= "read",
	[TWIN_ON_SELECT]	= "select",
};

static void twin_store(struct twin_chip *chip, const struct twin_action *action,
		       u64 value)
{
	u32 i;

	for (i = 0; i < action->count; i++) {
		u32 at = action->little ? i : action->count - 1 - i;

		twin_chip_set(chip, action->to + at, value & 0xff);
		value >>= 8;
	}
}

static void twin_copy(struct twin_chip *chip, const struct twin_action *action)
{
	u32 i;

	for (i = 0; i < action->count; i++)
		twin_chip_set(chip, action->to + i,
			      twin_chip_get(chip, action->from + i));
}

static void twin_action_do(struct twin_chip *chip,
			   const struct twin_action *action,
			   const struct twin_moment *moment)
{
	s64 value = 0;

	if (action->value)
		value = twin_expression_value(action->value, chip, moment);
	switch (action->verb) {
	case TWIN_SET:
		twin_chip_set(chip, action->to, value);
		break;
	case TWIN_STORE:
		twin_store(chip, action, value);
		break;
	case TWIN_COPY:
		twin_copy(chip, action);
		break;
	case TWIN_VAR:
		chip->variable[action->to] = value;
		break;
	case TWIN_RESET:
		twin_chip_reset(chip);
		break;
	case TWIN_CLOCK_READ:
		twin_clock_read(chip, action->to);
		break;
	case TWIN_CLOCK_WRITE:
		twin_clock_write(chip, action->to);
		break;
	}
}

static void twin_hook_do(struct twin_chip *chip, struct twin_hook *hook)
{
	struct twin_action *action;

	list_for_each_entry(action, &hook->actions, node)
		twin_action_do(chip, action, &hook->moment);
}

/**
 * twin_hooks_fire - an access happened
 * @chip: the chip
 * @event: what kind of access
 * @moment: the details
 *
 * One that is fired again while it is pending begins anew.
 */
void twin_hooks_fire(struct twin_chip *chip, enum twin_event event,
		     const struct twin_moment *moment)
{
	struct twin_hook *hook;

	list_for_each_entry(hook, &chip->hooks, node) {
		if (hook->event != event || moment->reg < hook->first ||
		    moment->reg > hook->last)
			continue;
		if (hook->when &&
		    !twin_expression_value(hook->when, chip, moment))
			continue;
		hook->moment = *moment;
		if (hook->delay)
			hook->due = ktime_add_ms(ktime_get(), hook->delay);
		else
			twin_hook_do(chip, hook);
	}
}

/**
 * twin_hooks_settle - do what is due by now, in the order of its times
 * @chip: the chip
 */
void twin_hooks_settle(struct twin_chip *chip)
{
	ktime_t now = ktime_get();
	struct twin_hook *hook, *next;

	do {
		next = NULL;
		list_for_each_entry(hook, &chip->hooks, node) {
			if (!hook->due || ktime_after(hook->due, now))
				continue;
			if (!next || ktime_before(hook->due, next->due))
				next = hook;
		}
		if (next) {
			next->due = 0;
			twin_hook_do(chip, next);
		}
	} while (next);
}

static void twin_hook_free(struct twin_hook *hook)
{
	struct twin_action *action, *next;

	list_for_each_entry_safe(action, next, &hook->actions, node) {
		kfree(action->value);
		kfree(action);
	}
	kfree(hook->when);
	kfree(hook);
}

void twin_hooks_free(struct twin_chip *chip)
{
	struct twin_hook *hook, *next;

	list_for_each_entry_safe(hook, next, &chip->hooks, node) {
		list_del(&hook->node);
		twin_hook_free(hook);
	}
	chip->hook_count = 0;
}

static int twin_value_parse(struct twin_expression **value, char **line,
			    const char *const *until)
{
	struct twin_expression *parsed = twin_expression_parse(line, until);

	if (IS_ERR(parsed))
		return PTR_ERR(parsed);
	*value = parsed;
	return 0;
}

/* Reads what follows the verb of an action. */
static int twin_operands_parse(struct twin_chip *chip,
			       struct twin_action *action, char **line)
{
	static const char *const until[] = { ";", NULL };
	u32 limit = chip->shape.size;

	if (action->verb == TWIN_RESET)
		return 0;
	if (action->verb == TWIN_VAR)
		limit = TWIN_VARIABLES;
	if (twin_number(twin_word(line), &action->to) || action->to >= limit)
		return -EINVAL;
	if (action->verb == TWIN_CLOCK_READ || action->verb == TWIN_CLOCK_WRITE)
		return 0;

	if (action->verb == TWIN_COPY &&
	    twin_number(twin_word(line), &action->from))
		return -EINVAL;
	if (action->verb == TWIN_COPY || action->verb == TWIN_STORE) {
		if (twin_number(twin_word(line), &action->count) ||
		    action->count > limit)
			return -EINVAL;
	}
	if (action->verb == TWIN_COPY)
		return 0;
	if (action->verb == TWIN_STORE && !strncmp(*line, "little ", 7)) {
		action->little = true;
		twin_word(line);
	}
	return twin_value_parse(&action->value, line, until);
}

static int twin_action_parse(struct twin_chip *chip, struct twin_hook *hook,
			     char **line)
{
	const char *word = twin_word(line);
	struct twin_action *action;
	unsigned int i;

	action = kzalloc(sizeof(*action), GFP_KERNEL);
	if (!action)
		return -ENOMEM;
	/* Freed with the hook, whatever is wrong with it. */
	list_add_tail(&action->node, &hook->actions);

	for (i = 0; i < ARRAY_SIZE(twin_verbs); i++) {
		if (strcmp(word, twin_verbs[i].word))
			continue;
		action->verb = twin_verbs[i].verb;
		return twin_operands_parse(chip, action, line);
	}
	return -EINVAL;
}

static int twin_actions_parse(struct twin_chip *chip, struct twin_hook *hook,
			      char **line)
{
	const char *word;
	int ret;

	do {
		ret = twin_action_parse(chip, hook, line);
		if (ret)
			return ret;
		word = twin_word(line);
	} while (!strcmp(word, ";"));
	return *word ? -EINVAL : 0;
}

static int twin_trigger_parse(struct twin_hook *hook, char **line)
{
	static const char *const until[] = { "after", "do", NULL };
	const char *word;
	int event;
	int ret;

	event = match_string(twin_events, ARRAY_SIZE(twin_events),
			     twin_word(line));
	if (event < 0)
		return event;
	hook->event = event;
	if (twin_range(twin_word(line), &hook->first, &hook->last))
		return -EINVAL;

	word = twin_word(line);
	if (!strcmp(word, "when")) {
		ret = twin_value_parse(&hook->when, line, until);
		if (ret)
			return ret;
		word = twin_word(line);
	}
	if (!strcmp(word, "after")) {
		if (twin_number(twin_word(line), &hook->delay))
			return -EINVAL;
		word = twin_word(line);
	}
	return strcmp(word, "do") ? -EINVAL : 0;
}

/**
 * twin_hook_parse - add a hook to a chip
 * @chip: the chip
 * @line: the line of the script after `on`; is written to
 *
 * Return: 0, -EINVAL, -ENOSPC for too many, or -ENOMEM.
 */
int twin_hook_parse(struct twin_chip *chip, char *line)
{
	struct twin_hook *hook;
	int ret;

	if (chip->hook_count == TWIN_HOOKS_MAX)
		return -ENOSPC;
	hook = kzalloc(sizeof(*hook), GFP_KERNEL);
	if (!hook)
		return -ENOMEM;
	INIT_LIST_HEAD(&hook->actions);

	ret = twin_trigger_parse(hook, &line);
	if (!ret)
		ret = twin_actions_parse(chip, hook, &line);
	if (ret) {
		twin_hook_free(hook);
		return ret;
	}
	list_add_tail(&hook->node, &chip->hooks);
	chip->hook_count++;
	return 0;
}
