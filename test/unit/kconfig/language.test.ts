import { describe, expect, test } from 'vitest';
import { format } from '../../../src/kconfig/expression.ts';
import { parseKconfig } from '../../../src/kconfig/language.ts';
import { readLines } from '../../../src/kconfig/lines.ts';
import type { Definition } from '../../../src/kconfig/model.ts';

function read(files: Record<string, string>, root = 'Kconfig') {
  return parseKconfig(new Map(Object.entries(files)), root, { SRCARCH: 'arm64', ARCH: 'arm64' });
}

function symbol(text: string, name: string) {
  const found = read({ Kconfig: text }).symbols.get(name);
  if (found === undefined) throw new Error(`no symbol ${name}`);
  return found;
}

function depends({ depends }: Definition): string {
  return depends.map(format).join(' && ');
}

describe('lines', () => {
  test('help texts are no lines, whatever they say, and end where the indentation does', () => {
    const text = [
      'config A',
      '\tbool "a"',
      '\thelp',
      '',
      '\t  config NOT_A_SYMBOL',
      '\t    bool "deeper"',
      '',
      '\t  depends on nothing',
      '\tdepends on B',
      'config C',
      '  ---help---',
      '    text',
      'config D',
    ].join('\n');
    expect(readLines(text, 'K').map((line) => `${line.number}: ${line.text.trim()}`)).toEqual([
      '1: config A',
      '2: bool "a"',
      '9: depends on B',
      '10: config C',
      '13: config D',
    ]);
  });

  test('continued lines are one, at the place of the first', () => {
    const [, line] = readLines('config A\n\tdepends on B && \\\n\t\t(C || \\\n\t\t D)\n', 'K');
    expect(line).toMatchObject({ number: 2 });
    expect(line?.text.replace(/\s+/g, ' ')).toBe(' depends on B && (C || D)');
  });

  test('a comment ends a line, but not within quotes', () => {
    expect(readLines('bool "C# programs" # not C\n# whole\n', 'K').map(({ text }) => text.trim())).toEqual([
      'bool "C# programs"',
    ]);
  });
});

test('menus, ifs and choices around a symbol are conditions of it', () => {
  const text = [
    'menu "M"',
    '\tdepends on IN_MENU',
    'if IN_IF && X',
    'choice',
    '\tprompt "Which"',
    '\tdepends on IN_CHOICE',
    'config A',
    '\tbool "a" if VISIBLE',
    '\tdepends on OWN',
    'config B',
    '\tbool "b"',
    'endchoice',
    'endif',
    'config AFTER_IF',
    '\tbool "after"',
    'endmenu',
    'config OUTSIDE',
    '\tbool "outside"',
  ].join('\n');
  const [a] = symbol(text, 'A').definitions;
  expect(a && depends(a)).toBe('IN_MENU && IN_IF && X && IN_CHOICE && OWN');
  expect(a?.prompt?.conditions.map(format)).toEqual(['VISIBLE']);
  expect(a?.choice).toMatchObject({ prompt: 'Which', members: ['A', 'B'] });
  expect(symbol(text, 'AFTER_IF').definitions.map(depends)).toEqual(['IN_MENU']);
  expect(symbol(text, 'OUTSIDE').definitions.map(depends)).toEqual(['']);
});

test('a file that is sourced lies within the menus of the one that sources it, and no further', () => {
  const { symbols } = read({
    Kconfig: 'if OUTER\nsource "arch/$(SRCARCH)/Kconfig"\nendif\nsource "missing/Kconfig"\nconfig LAST\n\tbool "l"\n',
    'arch/arm64/Kconfig': 'config INNER\n\tbool "i"\nrsource "sub/Kconfig"\nif LEFT_OPEN\n',
    'arch/arm64/sub/Kconfig': 'config DEEP\n\tbool "d"\n',
  });
  expect(symbols.get('INNER')?.definitions.map(depends)).toEqual(['OUTER']);
  expect(symbols.get('DEEP')?.definitions.map(depends)).toEqual(['OUTER']);
  expect(symbols.get('LAST')?.definitions.map(depends)).toEqual(['']);
});

test('a symbol may be defined in several places', () => {
  const text = 'config A\n\tbool "here"\n\tdepends on X\nconfig A\n\tbool\n\tdefault y if Y\n';
  const found = symbol(text, 'A');
  expect(found.definitions.map((definition) => [definition.at.line, definition.prompt?.text])).toEqual([
    [1, 'here'],
    [4, undefined],
  ]);
});

test('every way to give a type and a prompt is known', () => {
  const text = [
    'config A\n\tbool\n\tprompt "a" if X',
    'config B\n\tdef_tristate y\n',
    'config C\n\tint "c"\n\trange 2 4096 if SMP\n\trange 1 1',
    'config D\n\thex',
    'config E\n\tstring "e"',
    'menuconfig F\n\ttristate "f"',
  ].join('\n');
  expect(['A', 'B', 'C', 'D', 'E', 'F'].map((name) => symbol(text, name).type)).toEqual([
    'bool',
    'tristate',
    'int',
    'hex',
    'string',
    'tristate',
  ]);
  expect(symbol(text, 'A').definitions[0]?.prompt?.conditions.map(format)).toEqual(['X']);
  expect(symbol(text, 'B').definitions[0]?.prompt).toBeUndefined();
  expect(symbol(text, 'C').definitions[0]?.ranges).toMatchObject([
    { low: '2', high: '4096', condition: { type: 'symbol', name: 'SMP' } },
    { low: '1', high: '1' },
  ]);
});

test('who selects a symbol is known before and after it is defined', () => {
  const text = 'config A\n\tbool "a"\n\tselect B if C\nconfig B\n\tbool\nconfig D\n\ttristate "d"\n\tselect B\n';
  expect(symbol(text, 'B').selectedBy).toMatchObject([
    { name: 'A', condition: { type: 'symbol', name: 'C' }, at: { file: 'Kconfig', line: 3 } },
    { name: 'D', at: { line: 8 } },
  ]);
});

test('dependencies with a condition of their own count where it holds', () => {
  expect(symbol('config A\n\tbool "a"\n\tdepends on B if C\n', 'A').definitions.map(depends)).toEqual(['!C || B']);
});

test('what the preprocessor defines, and lines that mean nothing here, are passed over', () => {
  const text =
    'm64 := $(cc-option,-m64)\n$(warning,careful)\nconfig A\n\toption env="X"\n\timply B\n\tbool "a"\n}{ ???\n';
  expect(symbol(text, 'A').definitions[0]?.prompt?.text).toBe('a');
});
