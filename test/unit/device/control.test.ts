import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openControl, serveControl } from '../../../src/device/control.ts';
import { findRunning } from '../../../src/device/running.ts';
import { fail } from '../../../src/diagnostic.ts';
import { folderOf } from '../../helpers/recipes.ts';

test('requests are answered in order, in a folder whose path is longer than a socket’s may be', async () => {
  const output = join(folderOf({}), 'x'.repeat(100), 'y'.repeat(100));
  mkdirSync(output, { recursive: true });
  const asked: unknown[] = [];
  const stop = await serveControl(output, async (request) => {
    asked.push(request);
    return { so: request };
  });
  const line = await openControl(output, process.pid);
  expect(await Promise.all([line.ask({ a: 1 }), line.ask('ü\n')])).toEqual([{ so: { a: 1 } }, { so: 'ü\n' }]);
  expect(asked).toEqual([{ a: 1 }, 'ü\n']);
  line.close();
  stop();
  expect(readdirSync(output)).toEqual([]);
});

test('what is wrong arrives as it was told', async () => {
  const output = folderOf({});
  const stop = await serveControl(output, (request) => {
    if (request === 'bug') throw new Error('no reason');
    return Promise.reject(fail('hat/bad-value', 'too hot', 'cool it'));
  });
  const line = await openControl(output, process.pid);
  await expect(line.ask('set')).rejects.toMatchObject({
    diagnostics: [{ severity: 'error', code: 'hat/bad-value', message: 'too hot', hint: 'cool it' }],
  });
  await expect(line.ask('bug')).rejects.toThrow('no reason');
  line.close();
  stop();
});

test('a board that is switched off meanwhile is told, and one that is off has nobody to speak to', async () => {
  const output = folderOf({});
  const stop = await serveControl(output, () => new Promise(() => {}));
  const line = await openControl(output, process.pid);
  const asked = expect(line.ask('anything')).rejects.toThrow('the board was switched off meanwhile');
  stop();
  await asked;
  await expect(openControl(output, process.pid)).rejects.toThrow('does not answer');
});

test('the socket of a process that was killed is removed', () => {
  const output = folderOf({});
  const socket = join(output, '.running-4194304.sock');
  writeFileSync(socket, '');
  expect(findRunning(output)).toEqual([]);
  expect(existsSync(socket)).toBe(false);
});
