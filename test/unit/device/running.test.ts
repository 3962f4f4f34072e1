import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findRunning, rememberRunning } from '../../../src/device/running.ts';
import { folderOf } from '../../helpers/recipes.ts';

const forwards = [{ protocol: 'tcp', address: '127.0.0.1', host: 2222, guest: 22 }] as const;

test('a board that is on is found, until it is off', () => {
  const output = folderOf({});
  const forget = rememberRunning(output, forwards);
  expect(findRunning(output)).toMatchObject([{ pid: process.pid, forwards }]);
  forget();
  expect(findRunning(output)).toEqual([]);
});

test('what a process that was killed left is no board, also when its number was given to another', () => {
  const output = folderOf({});
  const forget = rememberRunning(output, forwards);
  const file = join(output, `.running-${process.pid}.json`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"started":"\d+"/, '"started":"1"'));
  expect(findRunning(output)).toEqual([]);
  expect(existsSync(file)).toBe(false);
  forget();
});

test('a file that is not whole, and a folder that is not there, hold no board', () => {
  expect(findRunning(folderOf({ '.running-1.json': '{"pid":' }))).toEqual([]);
  expect(findRunning('/nowhere/at/all')).toEqual([]);
});
