import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { readDocument } from '../../../src/recipe/document.ts';

const encode = (text: string) => new TextEncoder().encode(text);

const read = (text: string) => readDocument(encode(text), 'board.yaml');

describe('a recipe document', () => {
  test('reads the same with a byte order mark and with Windows line ends', () => {
    const plain = read('board: mine\nconfig:\n  - |\n    a\n    b\n');
    const windows = read('\uFEFFboard: mine\r\nconfig:\r\n  - |\r\n    a\r\n    b\r\n');
    expect(windows.value).toEqual(plain.value);
    expect(windows.at(['config', 0])).toEqual(plain.at(['config', 0]));
    expect(windows.at(['board'])).toMatchObject({ line: 1, column: 8, text: 'board: mine' });
  });

  test('keeps the version as it is written', () => {
    expect(read('version: 1.10').value).toEqual({ version: '1.10' });
    expect(read('version: 6.0').value).toEqual({ version: '6.0' });
    expect(read('uid: 0x10').value).toEqual({ uid: 16 });
  });

  test('understands plain words as the core schema of YAML 1.2 does', () => {
    const words = ['true', 'FALSE', 'tRUE', '~', 'null', 'NULL', 'nULL', '"true"', "'1'", '', '""', '|\n   12\n'];
    const numbers = [
      '0',
      '-1',
      '+2',
      '1_000',
      '0x1F',
      '0o17',
      '0755',
      '1.5',
      '.5',
      '1.',
      '1e3',
      '-1.5E-2',
      '1.2.3',
      '12:30',
    ];
    const text = [...words, ...numbers, '.', '-x', '+x', '.inf'].map((word) => ` - ${word}\n`).join('');
    const theirs = parseDocument(`a:\n${text}`, { schema: 'core' }).toJS();
    expect(read(`a:\n${text}`).value).toEqual({ a: theirs.a.with(-1, '.inf') });
  });

  test('knows the words of YAML 1.1 as text', () => {
    expect(read('a: yes\nb: on\nc: 12:30:00\nd: 2026-01-01').value).toEqual({
      a: 'yes',
      b: 'on',
      c: '12:30:00',
      d: '2026-01-01',
    });
  });

  test('shows the place of a value, of a map its key, of what is missing the nearest thing around it', () => {
    const document = read('kernel:\n  cmdline: [quiet, console=tty1]\n');
    expect(document.at(['kernel', 'cmdline', 1])).toMatchObject({ line: 2, column: 20, length: 12 });
    expect(document.at(['kernel', 'cmdline'])).toMatchObject({ line: 2, column: 3, length: 7 });
    expect(document.at(['kernel', 'dtbs', 0])).toMatchObject({ line: 1, column: 1, length: 6 });
    expect(document.at(['users', 'pi'])).toMatchObject({ line: 1, column: 1, length: 6 });
  });

  test('finds a template in text of every style', () => {
    const styles = [
      'x: a {{one}} {{two}}',
      'x: "a\\t {{one}} {{two}}"',
      "x: 'it''s {{one}} {{two}}'",
      'x: |\n  a {{one}}\n    {{two}}',
      'x: >\n  a {{one}}\n  {{two}}',
    ];
    for (const style of styles) {
      const document = read(style);
      const offset = String(document.value.x).indexOf('two');
      const { line, column, text = '' } = document.within(['x'], offset, 3);
      expect(text.slice(column - 1, column + 2), style).toBe('two');
      expect(line, style).toBe(style.split('\n').length);
    }
  });

  test.each([
    ['the file is not UTF-8 text', Uint8Array.of(0x62, 0x3a, 0x20, 0xff)],
    ['the recipe is empty', encode('')],
    ['a key is a plain word', encode('? [a, b]\n: c')],
    ['a key is a plain word', encode('__proto__: { x: 1 }')],
    ['this is not YAML: unresolved tag: !include', encode('a: !include other.yaml')],
    ['this is not YAML: tabs are not allowed as indentation', encode('a:\n\tb: 1')],
  ])('refuses what is no recipe: %s', (message, bytes) => {
    expect(() => readDocument(bytes, 'board.yaml')).toThrow(message);
  });
});
