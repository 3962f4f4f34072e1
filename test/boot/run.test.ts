import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashFile } from '../../src/build/hash.ts';
import { throughLoader } from '../../src/build/sandbox.ts';
import { expectProcesses, type Installed, install, markedBoard, processesWith } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

/** A project with a marked board whose image is made. */
async function project(recipe = '') {
  const { mark, files } = markedBoard(recipe);
  const folder = folderOf(files);
  const output = join(folder, 'output/marked');
  return { mark, folder, output, image: join(output, 'marked.img') };
}

describe('pibuild run', () => {
  test('is the console in a pipe, on an image that it makes first and never changes', async () => {
    const { folder, image, output, mark } = await project();
    const disk = join(folder, 'disk.img');
    closeSync(openSync(disk, 'w'));
    const file = openSync(disk, 'r+');
    ftruncateSync(file, 16 * MIB);
    closeSync(file);
    const guest = pibuild.start(
      ['run', 'marked', '--cpus', '2', '--memory', '512M', '--append', 'pibuild.test=yes', '--disk', disk],
      folder,
    );
    await guest.until('login: ');
    const { hash } = await hashFile(image);
    guest.type('root\n');
    await guest.until('# ');
    guest.type('echo "<$(nproc)> <$(grep -o pibuild.test=yes /proc/cmdline)> $(grep MemTotal /proc/meminfo)"\n');
    await guest.until(/<2> <pibuild\.test=yes> MemTotal: +[45]\d{5} kB/);
    guest.type(
      'until test -b /dev/sda; do sleep 1; done; echo written by the guest > /dev/sda; sync; touch /changed\n',
    );
    guest.type('poweroff\n');
    await guest.until('Power down');
    expect(await guest.ended).toBe(0);
    expect(readFileSync(disk, 'latin1')).toMatch(/^written by the guest\n/);
    expect((await hashFile(image)).hash).toBe(hash);
    expect(readFileSync(join(output, 'logs/run-serial.log'), 'utf8')).toContain('reboot: Power down');
    expect(readdirSync(output).filter((name) => name.startsWith('.emulator'))).toEqual([]);
    await expectProcesses(mark, false);
  });

  test('starts the guest again when it reboots', async () => {
    const { folder } = await project();
    const guest = pibuild.start(['run', 'marked'], folder);
    await guest.until('login: ');
    guest.type('root\n');
    await guest.until('# ');
    guest.type('reboot\n');
    await guest.until('Booting Linux');
    await guest.until('login: ');
    guest.child.kill('SIGTERM');
    expect(await guest.ended).toBe(143);
  });

  test('keeps what the guest wrote when asked to, for the same image only', async () => {
    const { folder, image } = await project();
    const write = pibuild.start(['run', 'marked', '--persist'], folder);
    await write.until('login: ');
    write.type('root\n');
    await write.until('# ');
    write.type('echo it was kept > /root/note; sync; echo do$((1))ne\n');
    await write.until('do1ne');
    write.child.kill('SIGINT');
    expect(await write.ended).toBe(130);

    const read = pibuild.start(['run', 'marked', '--persist'], folder);
    await read.until('with what it wrote before');
    await read.until('login: ');
    read.type('root\n');
    await read.until('# ');
    read.type('cat /root/note\n');
    await read.until('it was kept');

    const second = pibuild.start(['run', 'marked', '--persist', '--image', image], folder);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain('another emulator writes to the same card or disk');
    read.type('poweroff\n');
    expect(await read.ended).toBe(0);

    const other = join(folder, 'other.img');
    copyFileSync(image, other);
    const refused = pibuild.start(['run', 'marked', '--persist', '--image', other], folder);
    // The same bytes are the same image, whatever they are called.
    await refused.until('with what it wrote before');
    refused.child.kill('SIGTERM');
    await refused.ended;
    const bytes = openSync(other, 'r+');
    ftruncateSync(bytes, 512 * MIB);
    closeSync(bytes);
    const changed = pibuild.start(['run', 'marked', '--persist', '--image', other], folder);
    expect(await changed.ended).toBe(1);
    expect(changed.output()).toContain('is not the image any more that the changes in');
  });

  test('without a console answers SSH, and goes at once when it is told to or is killed', async () => {
    const { folder, mark } = await project();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const guest = pibuild.start(['run', 'marked', '--headless', '--json'], folder);
      await guest.until('"emulator-started"');
      await guest.until('\n');
      const event = JSON.parse(
        guest
          .output()
          .trim()
          .split('\n')
          .find((line) => line.includes('emulator-started')) ?? '',
      );
      expect(event).toMatchObject({
        pid: guest.child.pid,
        board: 'marked',
        log: expect.stringContaining('run-serial.log'),
      });
      if (signal === 'SIGTERM') expect(await greeting(event.forwards[0].host)).toMatch(/^SSH-2\.0-dropbear/);
      await expectProcesses(mark, true);
      guest.child.kill(signal);
      expect(await guest.ended).toBe(signal === 'SIGTERM' ? 143 : null);
      await expectProcesses(mark, false);
    }
  });

  test('ends when this machine has no room for what the guest writes', async () => {
    const { folder, image, output } = await project();
    const made = pibuild.start(['make', 'marked'], folder);
    expect(await made.ended, made.output()).toBe(0);
    const elsewhere = join(folder, 'card.img');
    renameSync(image, elsewhere);
    const bootstrap = 'tools/bootstrap';
    const { output: artifact } = await buildWith([bootstrap], (provides) => {
      return { tasks: [], target: toolsOf(provides(bootstrap)).task };
    });
    const small = ['--unshare-user', '--dev-bind', '/', '/', '--size', String(40 * MIB), '--tmpfs', output];
    const bubblewrap = throughLoader(await artifact(`${bootstrap}:unpack`, 'tree'), 'usr/bin/bwrap');
    const command = pibuild.argv(['run', 'marked', '--image', elsewhere], folder);
    const guest = pibuild.run([...bubblewrap, ...small, '--die-with-parent', ...command]);
    await guest.until('login: ');
    guest.type('root\n');
    await guest.until('# ');
    guest.type('dd if=/dev/urandom of=/root/big bs=1M count=60; sync; echo never$((1))here\n');
    expect(await guest.ended).toBe(1);
    expect(guest.output()).not.toContain('never1here');
    expect(guest.output()).toContain('this machine could not keep what the guest wrote to its card: is the disk');
  });

  test('goes on with the old image when a new one takes its place', async () => {
    const { folder, image } = await project();
    const guest = pibuild.start(['run', 'marked'], folder);
    await guest.until('login: ');
    writeFileSync(`${image}.new`, 'no image at all');
    renameSync(`${image}.new`, image);
    guest.type('root\n');
    await guest.until('# ');
    guest.type('echo 3 > /proc/sys/vm/drop_caches; md5sum /bin/* > /dev/null && echo re$((1))ad\n');
    await guest.until('re1ad');
    guest.type('poweroff\n');
    expect(await guest.ended).toBe(0);
  });
});

const MIB = 2 ** 20;

const script = which('script');

describe.skipIf(script === undefined)('pibuild run in a terminal (needs `script` of util-linux)', () => {
  /** Runs it in a terminal whose settings are printed before and after. */
  function inTerminal(folder: string) {
    const argv = pibuild.argv(['run', 'marked'], folder).map((word) => `'${word}'`);
    const settings = "stty -a | grep -o '[-]*icanon\\|[-]*echo '";
    // Who restores it after a kill -9 is another process.
    const restored = "for try in $(seq 100); do stty -a | grep -q ' icanon' && break; sleep 0.1; done";
    const command = `${settings}; ${argv.join(' ')}; echo "code=$?"; ${restored}; ${settings}`;
    return pibuild.run([script ?? '', '-qfec', command, '/dev/null']);
  }

  test("has QEMU's keys, and the terminal back afterwards", async () => {
    const { folder } = await project();
    const terminal = inTerminal(folder);
    await terminal.until('login: ');
    terminal.type('root\r');
    await terminal.until('# ');
    terminal.type('sleep 1000\r');
    await terminal.until('sleep 1000');
    terminal.type('\x03');
    await terminal.until('# ');
    terminal.type('\x01h');
    await terminal.until('Ctrl-A x       leave');
    terminal.type('\x01cinfo status\r');
    await terminal.until('VM status: running');
    terminal.type('\x01c');
    await terminal.until("[the guest's console]");
    terminal.type('\r');
    await terminal.until('# ');
    terminal.type('\x01x');
    await terminal.until('code=0');
    await terminal.ended;
    expectCooked(terminal.output());
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL'])('gives the terminal back when %s comes', async (signal) => {
    const { folder, mark } = await project();
    const terminal = inTerminal(folder);
    await terminal.until('login: ');
    for (const pid of processesWith(folder)) process.kill(pid, signal);
    await terminal.until(/code=1\d\d/);
    await terminal.ended;
    expectCooked(terminal.output());
    await expectProcesses(mark, false);
  });
});

/** The terminal's settings, printed first and last, are those of a terminal for people. */
function expectCooked(output: string): void {
  const settings = output.match(/^-*(icanon|echo) *$/gm)?.map((setting) => setting.trim());
  expect(settings?.sort()).toEqual(['echo', 'echo', 'icanon', 'icanon']);
}

/** The first line that a server says, once it is up. */
async function greeting(port: number): Promise<string> {
  for (;;) {
    const said = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once('error', () => resolve('')).once('close', () => resolve(''));
    });
    if (said !== '') return said;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function which(program: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
