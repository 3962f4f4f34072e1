import { describe, expect, test } from 'vitest';
import {
  combine,
  type Expression,
  enough,
  evaluate,
  format,
  symbolsOf,
  unmet,
} from '../../../src/kconfig/expression.ts';
import { parseExpression, tokenize } from '../../../src/kconfig/tokens.ts';
import { type Random, randomOf } from '../../helpers/random.ts';

function parse(text: string): Expression {
  const expression = parseExpression(tokenize(text));
  if (expression === undefined) throw new Error(`not an expression: ${text}`);
  return expression;
}

const values = new Map([
  ['NET', 'y'],
  ['USB', 'm'],
  ['OFF', 'n'],
  ['NR_CPUS', '4'],
  ['NAME', '"pi"'],
  ['BASE', '0x80000'],
]);

test.each([
  ['NET', 'y'],
  ['USB', 'm'],
  ['OFF', 'n'],
  ['ABSENT', 'n'],
  ['!OFF', 'y'],
  ['!USB', 'm'],
  ['NET && USB', 'm'],
  ['NET && USB && ABSENT', 'n'],
  ['OFF || USB', 'm'],
  ['OFF || NET && USB', 'm'],
  ['(OFF || NET) && NET', 'y'],
  ['!(OFF || NET)', 'n'],
  ['USB = m', 'y'],
  ['USB != y', 'y'],
  ['USB=n', 'n'],
  ['ABSENT = n', 'y'],
  ['NR_CPUS > 1', 'y'],
  ['NR_CPUS >= 5', 'n'],
  ['NR_CPUS < 32', 'y'],
  ['NAME = "pi"', 'y'],
  ['NAME != "pi"', 'n'],
  ['BASE = 0x80000', 'y'],
  ['y', 'y'],
  ['m && NET', 'm'],
  ['$(cc-option,-mfoo(bar)) && NET', 'y'],
])('%s is %s', (text, value) => {
  expect(evaluate(parse(text), values)).toBe(value);
});

describe('the unmet part', () => {
  test.each([
    ['NET && OFF', 'y', 'OFF'],
    ['NET && (OFF || ABSENT)', 'y', 'OFF || ABSENT'],
    ['NET && (OFF || NET && ABSENT)', 'y', 'OFF || ABSENT'],
    ['NET && !NET', 'y', '!NET'],
    ['NET && USB', 'y', 'USB'],
    ['NET && USB', 'm', undefined],
    ['OFF && ABSENT && OFF', 'y', 'OFF && ABSENT'],
    ['USB = y || OFF', 'y', 'USB=y || OFF'],
  ] as const)('of %s, where %s is wanted, is %s', (text, wanted, part) => {
    const found = unmet(parse(text), values, wanted);
    expect(found && format(found)).toBe(part);
  });
});

test.each(['A &&', '&& A', '(A', 'A)', 'A B', '!', 'A = ', ''])('%j is no expression', (text) => {
  expect(parseExpression(tokenize(text))).toBeUndefined();
});

test('symbols are named once, and n, m and y are none', () => {
  expect(symbolsOf(parse('A && (B = m || !A) && "text" != C && y'))).toEqual(['A', 'B', 'C']);
});

describe('for a thousand expressions made at random', () => {
  const random = randomOf(2837);
  const expressions = Array.from({ length: 1000 }, () => randomExpression(random, 4));
  const known = new Map([...'ABCDEFGH'].map((name) => [name, random.pick(['y', 'm', 'n'])]));

  test('what is printed reads back as the same', () => {
    for (const expression of expressions) expect(format(parse(format(expression)))).toBe(format(expression));
  });

  test('printing does not change the value', () => {
    for (const expression of expressions) {
      expect(evaluate(parse(format(expression)), known), format(expression)).toBe(evaluate(expression, known));
    }
  });

  test('there is an unmet part exactly where the value is not enough, and it is not enough itself', () => {
    for (const expression of expressions) {
      for (const wanted of ['m', 'y'] as const) {
        const part = unmet(expression, known, wanted);
        expect(part === undefined, format(expression)).toBe(enough(evaluate(expression, known), wanted));
        if (part !== undefined) expect(enough(evaluate(part, known), wanted), format(expression)).toBe(false);
      }
    }
  });
});

function randomExpression(random: Random, depth: number): Expression {
  const symbol = (): Expression => ({ type: 'symbol', name: random.pick([...'ABCDEFGH']) });
  if (depth === 0 || random.chance(0.2)) return symbol();
  switch (random.below(4)) {
    case 0:
      return { type: 'not', operand: randomExpression(random, depth - 1) };
    case 1:
      return {
        type: 'compare',
        operator: random.pick(['=', '!=']),
        left: symbol(),
        right: { type: 'symbol', name: 'm' },
      };
    default: {
      const operands = Array.from({ length: 2 + random.below(2) }, () => randomExpression(random, depth - 1));
      return combine(random.pick(['and', 'or']), operands);
    }
  }
}
