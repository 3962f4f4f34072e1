import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { openShell, pieces, readShown } from '../../../src/device/shell.ts';
import { clean } from '../../../src/device/transcript.ts';
import { consoleOn, playedGuest, shellGuest } from '../../helpers/console.ts';
import { randomOf } from '../../helpers/random.ts';

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function openRealShell(noise?: Transform) {
  const guest = shellGuest(noise);
  ends.push(guest.end);
  return openShell(consoleOn(guest.stream));
}

describe('a command on the console', () => {
  test.each([
    ['echo hello', 0, 'hello\n'],
    ['true', 0, ''],
    ['exit 7', 7, ''],
    ['printf "no line end"', 0, 'no line end'],
    ['echo out; echo err >&2', 0, 'out\nerr\n'],
    ['echo "a [b] \\\\ (c) $HOME" | sed s,/.*,,', 0, 'a [b] \\ (c) \n'],
    ['printf "[  123.456789] quoted\\n\\n\\n"', 0, '[  123.456789] quoted\n\n\n'],
    ["printf '\\033[1;31mred\\033[0m\\r\\n'", 0, 'red\n'],
    ["echo 'äöü € 😀'; echo \"'\"", 0, "äöü € 😀\n'\n"],
    ['for i in 1 2 3; do\n  echo $i\ndone\n# a comment', 0, '1\n2\n3\n'],
    ['cat; echo after', 0, 'after\n'],
    ['cat <<END\n$((6*7))\tx\nEND', 0, '42\tx\n'],
    ['no-such-program', 127, expect.stringContaining('no-such-program')],
    ['seq 1 3000 | tail -1', 0, '3000\n'],
    ['', 0, ''],
  ])('%j gives its exit code and its output', async (command, exitCode, output) => {
    const shell = await openRealShell();
    expect(await shell.run(command, 10_000)).toEqual({ exitCode, output });
  });

  test('may be much longer than a line of a terminal', async () => {
    const shell = await openRealShell();
    expect(await shell.run(`echo ${'long '.repeat(1000)}| wc -w | tr -d ' '`, 10_000)).toEqual({
      exitCode: 0,
      output: '1000\n',
    });
  });

  test('leaves the shell ready for the next', async () => {
    const shell = await openRealShell();
    await shell.run('cd /; x=1; exec 1>&-', 10_000);
    expect(await shell.run('echo "[$x]"', 10_000)).toEqual({ exitCode: 0, output: '[]\n' });
  });

  test('comes out whole whatever the kernel prints into it', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const shell = await openRealShell(kernelNoise(seed));
      expect(await shell.run('uname; seq 1 200; echo "[   1.000000] quoted"; (exit 3)', 20_000)).toEqual({
        exitCode: 3,
        output: `Linux\n${Array.from({ length: 200 }, (_, index) => `${index + 1}\n`).join('')}[   1.000000] quoted\n`,
      });
    }
  });

  test('fails when the board stops', async () => {
    const guest = playedGuest();
    const opening = openShell(consoleOn(guest.stream), 'nonce');
    guest.say('pibuild-1-nonce\n');
    const shell = await opening;
    guest.end();
    await expect(shell.run('true', 10)).rejects.toThrow('the emulated board stopped');
  });
});

test('a command is typed in short lines of harmless characters', () => {
  const typed = pieces(`echo "$x" 'ä'\n${'\x01'.repeat(400)}`);
  expect(typed[0]).toMatch(/^echo \\0042\\0044x\\0042 \\0047\\0303\\0244\\0047\\0012\\0001/);
  expect(typed.join('')).toMatch(/^[A-Za-z0-9 _.,:;=+/@~\\-]+$/);
  expect(Math.max(...typed.map((piece) => piece.length))).toBeLessThanOrEqual(1000);
});

test('a recorded command is read with the kernel talking in between', () => {
  const recorded = readFileSync(join(import.meta.dirname, '../../fixtures/device/login.serial'));
  expect(readShown(clean(recorded.toString()), 'pibuild-3-d0999b')).toEqual({
    exitCode: 1,
    output: 'aarch64\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\n',
    free: true,
  });
});

/** Puts kernel messages between any two characters. */
function kernelNoise(seed: number): Transform {
  const random = randomOf(seed);
  let count = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const pieces = [...chunk.toString()].map((character) => {
        if (!random.chance(0.05)) return character;
        count += 1;
        return `${character}[    ${count}.123456] usb 1-1: message [${count}]\r\n`;
      });
      done(null, pieces.join(''));
    },
  });
}
