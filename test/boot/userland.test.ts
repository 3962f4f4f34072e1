import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Installed, install } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

/** Userlands on boards that are on, and on this machine. */

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

async function done(
  words: readonly string[],
  folder: string,
  input = '',
): Promise<{ code: number | null; said: string }> {
  const running = pibuild.start(words, folder);
  running.child.stdin.end(input);
  const code = await running.ended;
  return { code, said: running.output() };
}

/** Whether Ubuntu's debs are in the store, or can be had; else Debian goes the same way. */
async function hasUbuntu(): Promise<boolean> {
  const { code } = await done(['make', 'rpi3', 'ubuntu:fetch-base', 'ubuntu:fetch'], folderOf({ 'pibuild.yaml': '' }));
  return code === 0;
}

/** What `pibuild-enter` promises, on a board whose only userland is entered without a name. */
const checks = `checks:
  - name: the userland's command has its own exit code
    run: pibuild-enter -- sh -c 'exit 7'
    exit: 7
    timeout: 60s
  - name: who enters the userland where there is no such command is told so
    run: pibuild-enter -- no-such-command
    exit: 127
    timeout: 60s
  - name: a userland that is not there, and a user that is not in it, are errors
    run: pibuild-enter no-such-userland; echo $?; pibuild-enter --user nemo --; echo $?
    matches: "there is no userland 'no-such-userland'; there is: (ubuntu|debian)\\\\s+2\\\\s+.*has no user 'nemo'\\\\s+125"
    timeout: 60s
  - name: a program in the userland reads stdin
    run: echo hello | pibuild-enter -- tr a-z A-Z
    matches: ^HELLO$
    timeout: 60s
  - name: a signal reaches the program in the userland itself
    run: |-
      pibuild-enter -- sleep 1000 & pid=$!
      until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.2; done
      kill -TERM $pid; wait $pid
    exit: 143
    timeout: 60s
  - name: a user of the userland has her groups' devices and no others
    run: |-
      pibuild-enter -- useradd -m -G i2c probe
      pibuild-enter --user probe -- sh -c 'id -un; pwd; test -w /dev/i2c-1 && ! test -r /dev/mmcblk0 && echo well'
    matches: ^probe\\s+/home/probe\\s+well$
    timeout: 90s
  - name: when nobody is in the userland any more, nothing of it is mounted
    run: '! grep userlands /proc/mounts'
    retry: 20s
  - name: what was written in the userland is on the data partition, and there again
    run: ls /data/userlands/*/upper/home; pibuild-enter -- ls /home
    matches: ^probe\\s+probe$
    timeout: 60s
  - name: a userland that is in use cannot be reset
    run: |-
      pibuild-enter -- sleep 20 & pid=$!
      until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.2; done
      pibuild-enter --reset; echo $?; kill $pid
    matches: "is in use by \\\\d+ .sleep 20[^]*125"
    timeout: 90s
  - name: a userland that was reset is as it was in the image
    run: pibuild-enter --reset && pibuild-enter -- ls -A /home | wc -l
    matches: ^0$
    timeout: 60s
  - name: the userland has the board's names and name servers
    run: pibuild-enter -- sh -c 'hostname; cat /etc/resolv.conf'
    matches: ^rpi3\\s+[^]*nameserver
    timeout: 60s
`;

test('a userland is entered on the board as shipped: devices, exit codes, signals, users, what stays and what goes', async () => {
  const ubuntu = await hasUbuntu();
  const base = ubuntu ? 'rpi3' : 'rpi3-debian';
  if (!ubuntu) process.stderr.write("Ubuntu's archive does not answer: Debian's userland is tested in its place\n");
  const recipe = `board: inside\nextends: ${base}\nhostname: rpi3\n${checks}`;
  const folder = folderOf({ 'pibuild.yaml': '', 'boards/inside/board.yaml': recipe });
  const { code, said } = await done(['test', 'inside', '--filter', 'userland|^Python runs in it'], folder);
  expect(code, said).toBe(0);
  expect(said).toContain('✓ a Python program in the userland reads the BMP280');
  expect(said).toContain('✓ a signal reaches the program in the userland itself');
});

test('a userland is entered on this machine, with the folder of the project', async (context) => {
  const ubuntu = await hasUbuntu();
  if (!ubuntu) context.skip("Ubuntu's archive does not answer");
  const folder = folderOf({
    'pibuild.yaml': '',
    'app.py': 'import sys\nprint(sys.stdin.read().upper())\nsys.exit(7)\n',
  });
  const program = await done(['enter', 'rpi3', 'ubuntu', 'python3', 'app.py'], folder, 'from stdin');
  expect(program.said).toContain('FROM STDIN');
  expect(program.code).toBe(7);
  const facts = '. /etc/os-release; echo "$ID $VERSION_ID $(uname -m) $(id -un) $(stat -c %G /etc/shadow)"; touch made';
  const shell = await done(['enter', 'rpi3', 'ubuntu', '--', 'sh', '-c', `${facts}; test -e made`], folder);
  expect(shell.said).toContain('ubuntu 26.04 aarch64 root shadow');
  expect(shell.code).toBe(0);
  const wrong = await done(['enter', 'rpi3', 'busybox'], folder);
  expect(wrong.said).toContain("package 'busybox' is no userland");
});
