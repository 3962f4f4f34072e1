/** A line of a kernel's Makefile that says from which object a module is made, and which option decides about it. */
export interface ModuleRule {
  /** The module's name: that of the object, without `.o`. */
  readonly module: string;
  /** Without `CONFIG_`. Undefined: no single option decides (`obj-m`, or an expression). */
  readonly option?: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * Which modules a kernel can have, out of its Makefiles (Documentation/kbuild/makefiles.rst, "Goal definitions"). `files`
 * are texts by path. One name may have several rules: then any of them makes it.
 */
export function moduleRules(files: ReadonlyMap<string, string>): ModuleRule[] {
  return [...files].flatMap(([file, text]) => rulesOf(file, text));
}

/** Assignments to obj-m and obj-$(CONFIG_X); obj-y is never a module. What a file adds under `ifdef` counts: it may be made. */
const GOAL = /^\s*obj-(?:\$[({](?:CONFIG_(\w+)|[^\n]*?)[)}]|m)\s*[:+]?=\s*(.*)$/;

function rulesOf(file: string, text: string): ModuleRule[] {
  return logicalLines(text).flatMap(({ line, text: logical }) => {
    const [, option, objects] = GOAL.exec(logical) ?? [];
    if (objects === undefined) return [];
    return objects
      .split(/\s+/)
      .filter((word) => word.endsWith('.o'))
      .map((word) => ({
        module: word.slice(word.lastIndexOf('/') + 1, -2),
        ...(option !== undefined && { option }),
        file,
        line,
        text: logical.trim().replace(/\s+/g, ' '),
      }));
  });
}

/** Lines with those that a backslash continues, without comments. */
function logicalLines(text: string): { line: number; text: string }[] {
  const lines: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [index, each] of text.split('\n').entries()) {
    const continued = each.endsWith('\\');
    const piece = (continued ? each.slice(0, -1) : each).replace(/#.*/, '');
    if (open === undefined) {
      open = { line: index + 1, text: piece };
      lines.push(open);
    } else open.text += ` ${piece}`;
    if (!continued) open = undefined;
  }
  return lines;
}
