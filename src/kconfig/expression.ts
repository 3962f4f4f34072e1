/**
 * Expressions of the Kconfig language (`depends on NET && (USB || !MMC)`): parsing, the value they have under a
 * configuration, and the part of them that keeps a symbol from being set.
 *
 * Source: Documentation/kbuild/kconfig-language.rst of the kernel, "Menu dependencies".
 */

/** Kconfig's three values, in its order: n < m < y. */
export type Tristate = 'n' | 'm' | 'y';

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type Expression =
  | { readonly type: 'symbol'; readonly name: string }
  /** A quoted string, or a number. */
  | { readonly type: 'constant'; readonly value: string }
  /** `$(cc-option,-mfoo)`: asks the compiler, so nobody knows its value here. */
  | { readonly type: 'macro'; readonly text: string }
  | { readonly type: 'not'; readonly operand: Expression }
  | { readonly type: 'and' | 'or'; readonly operands: readonly Expression[] }
  | {
      readonly type: 'compare';
      readonly operator: Comparison;
      readonly left: Expression;
      readonly right: Expression;
    };

/** The final values of symbols, without `CONFIG_`; one that is absent is n. */
export type Values = ReadonlyMap<string, string>;

/** The value of an expression. A macro counts as y: what it asks of the compiler mostly holds. */
export function evaluate(expression: Expression, values: Values): Tristate {
  switch (expression.type) {
    case 'symbol':
      return tristate(values.get(expression.name) ?? expression.name);
    case 'constant':
      return tristate(expression.value);
    case 'macro':
      return 'y';
    case 'not':
      return level(2 - rank(evaluate(expression.operand, values)));
    case 'and':
      return level(Math.min(2, ...expression.operands.map((operand) => rank(evaluate(operand, values)))));
    case 'or':
      return level(Math.max(0, ...expression.operands.map((operand) => rank(evaluate(operand, values)))));
    case 'compare':
      return compare(expression, values) ? 'y' : 'n';
  }
}

/** Whether a value is enough where another is wanted: m is not enough for y. */
export function enough(value: Tristate, wanted: Tristate): boolean {
  return rank(value) >= rank(wanted);
}

/**
 * The part of an expression that keeps it below the wanted value: of an `&&` only the sides that fail, of an `||` all of
 * them, since any one would do. Undefined when the expression has the wanted value.
 */
export function unmet(expression: Expression, values: Values, wanted: Tristate): Expression | undefined {
  if (enough(evaluate(expression, values), wanted)) return undefined;
  if (expression.type !== 'and' && expression.type !== 'or') return expression;
  const parts = expression.operands.flatMap((operand) => unmet(operand, values, wanted) ?? []);
  return combine(expression.type, parts);
}

/** Several expressions as one; equal and nested ones are folded together. */
export function combine(type: 'and' | 'or', parts: readonly Expression[]): Expression {
  const operands = new Map<string, Expression>();
  for (const part of parts.flatMap((part) => (part.type === type ? part.operands : [part]))) {
    operands.set(format(part), part);
  }
  const [only] = operands.values();
  return only !== undefined && operands.size === 1 ? only : { type, operands: [...operands.values()] };
}

/** The names of all symbols in an expression, in order, each once. */
export function symbolsOf(expression: Expression): string[] {
  switch (expression.type) {
    case 'symbol':
      return /^[nmy]$/.test(expression.name) ? [] : [expression.name];
    case 'not':
      return symbolsOf(expression.operand);
    case 'and':
    case 'or':
      return [...new Set(expression.operands.flatMap(symbolsOf))];
    case 'compare':
      return [...new Set([...symbolsOf(expression.left), ...symbolsOf(expression.right)])];
    default:
      return [];
  }
}

/** An expression as Kconfig writes it, with the parentheses that it needs and no others. */
export function format(expression: Expression): string {
  switch (expression.type) {
    case 'symbol':
      return expression.name;
    case 'constant':
      return `"${expression.value}"`;
    case 'macro':
      return expression.text;
    case 'not':
      return `!${nested(expression.operand)}`;
    case 'and':
      return expression.operands.map(nested).join(' && ');
    case 'or':
      return expression.operands
        .map((operand) => (operand.type === 'and' ? format(operand) : nested(operand)))
        .join(' || ');
    case 'compare':
      return `${format(expression.left)}${expression.operator}${format(expression.right)}`;
  }
}

function nested(expression: Expression): string {
  const compound = expression.type === 'and' || expression.type === 'or';
  return compound && expression.operands.length > 1 ? `(${format(expression)})` : format(expression);
}

function rank(value: Tristate): number {
  return 'nmy'.indexOf(value);
}

function level(number: number): Tristate {
  return number >= 2 ? 'y' : number === 1 ? 'm' : 'n';
}

function tristate(value: string): Tristate {
  return value === 'y' || value === 'm' ? value : 'n';
}

function compare(expression: Extract<Expression, { type: 'compare' }>, values: Values): boolean {
  const left = plainValue(expression.left, values);
  const right = plainValue(expression.right, values);
  const order = Number.isNaN(Number(left) - Number(right)) ? left.localeCompare(right) : Number(left) - Number(right);
  switch (expression.operator) {
    case '=':
      return left === right || order === 0;
    case '!=':
      return left !== right && order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** What stands on one side of a comparison; a name that is no symbol is a word, as in `ARCH = arm64`. */
function plainValue(expression: Expression, values: Values): string {
  if (expression.type === 'constant') return expression.value;
  if (expression.type !== 'symbol') return evaluate(expression, values);
  if (/^[nmy]$/.test(expression.name)) return expression.name;
  return values.get(expression.name)?.replace(/^"(.*)"$/, '$1') ?? 'n';
}
