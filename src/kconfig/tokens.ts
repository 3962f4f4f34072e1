import type { Comparison, Expression } from './expression.ts';
import { combine } from './expression.ts';

/** The words of one line of Kconfig, and expressions made of them. */

export type Token =
  | { readonly type: 'word' | 'string' | 'macro'; readonly text: string }
  | { readonly type: 'operator'; readonly text: string };

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(&&|\|\||!=|<=|>=|[!=<>()])|([\w./-]+))/y;

/** The tokens of a line up to a comment. What is no token ends it: the files are the kernel's, not ours to judge. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  for (;;) {
    const macro = macroAt(line, position);
    if (macro !== undefined) {
      tokens.push({ type: 'macro', text: macro.text });
      position = macro.end;
      continue;
    }
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(line);
    if (match === null) return tokens;
    position = TOKEN.lastIndex;
    const quoted = match[1] ?? match[2];
    if (quoted !== undefined) tokens.push({ type: 'string', text: quoted.replace(/\\(.)/g, '$1') });
    else if (match[3] !== undefined) tokens.push({ type: 'operator', text: match[3] });
    else tokens.push({ type: 'word', text: match[4] ?? '' });
  }
}

/** Splits `VALUE if CONDITION`; no condition is undefined. */
export function splitCondition(tokens: readonly Token[]): { value: readonly Token[]; condition?: Expression } {
  const at = tokens.findIndex((token) => token.type === 'word' && token.text === 'if');
  if (at < 0) return { value: tokens };
  const condition = parseExpression(tokens.slice(at + 1));
  return { value: tokens.slice(0, at), ...(condition && { condition }) };
}

/** The expression that tokens spell, or undefined when they spell none. */
export function parseExpression(tokens: readonly Token[]): Expression | undefined {
  let position = 0;
  const result = parseOr();
  return position === tokens.length ? result : undefined;

  function parseOr(): Expression | undefined {
    return parseChain('||', 'or', () => parseChain('&&', 'and', parseUnary));
  }

  function parseChain(
    operator: string,
    type: 'and' | 'or',
    operand: () => Expression | undefined,
  ): Expression | undefined {
    const parts: Expression[] = [];
    do {
      const part = operand();
      if (part === undefined) return undefined;
      parts.push(part);
    } while (accept(operator));
    return combine(type, parts);
  }

  function parseUnary(): Expression | undefined {
    if (accept('!')) {
      const operand = parseUnary();
      return operand && { type: 'not', operand };
    }
    if (accept('(')) {
      const inner = parseOr();
      return accept(')') ? inner : undefined;
    }
    return parseComparison();
  }

  function parseComparison(): Expression | undefined {
    const left = parseLeaf();
    const operator = tokens[position];
    if (left === undefined || operator?.type !== 'operator' || !/^(!?=|[<>]=?)$/.test(operator.text)) return left;
    position++;
    const right = parseLeaf();
    return right && { type: 'compare', operator: operator.text as Comparison, left, right };
  }

  function parseLeaf(): Expression | undefined {
    const token = tokens[position];
    if (token === undefined || token.type === 'operator') return undefined;
    position++;
    if (token.type === 'macro') return { type: 'macro', text: token.text };
    const constant = token.type === 'string' || /^(-?[0-9]+|0x[0-9a-fA-F]+)$/.test(token.text);
    return constant ? { type: 'constant', value: token.text } : { type: 'symbol', name: token.text };
  }

  function accept(operator: string): boolean {
    const token = tokens[position];
    if (token?.type !== 'operator' || token.text !== operator) return false;
    position++;
    return true;
  }
}

/** A `$(...)` at a position (after blanks), with its nested parentheses. */
function macroAt(line: string, position: number): { text: string; end: number } | undefined {
  const start = position + (/^\s*/.exec(line.slice(position))?.[0].length ?? 0);
  if (!line.startsWith('$(', start)) return undefined;
  let depth = 0;
  for (let end = start + 1; end < line.length; end++) {
    if (line[end] === '(') depth++;
    if (line[end] === ')' && --depth === 0) return { text: line.slice(start, end + 1), end: end + 1 };
  }
  return undefined;
}
