import { openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Interrupted } from '../../src/commands/context.ts';
import { pibuild } from '../../src/commands/program.ts';
import { diskAt } from '../../src/device/block-device.ts';
import { openCardImage } from '../../src/device/card-image.ts';
import { type Target, verifyCard, writeCard } from '../../src/device/card-writer.ts';
import { rereadTable } from '../../src/device/reread.ts';
import { Failure } from '../../src/diagnostic.ts';
import { bmapOf } from '../../src/image/bmap.ts';
import { bufferSource } from '../../src/image/tar-reader.ts';
import { loopOf } from '../helpers/loop.ts';
import { seeded } from '../helpers/random.ts';
import { folderOf } from '../helpers/recipes.ts';
import { sharedStore } from '../helpers/tools.ts';

/** Cards are loop devices: real block devices of the kernel, with real faults. */

const MIB = 1024 * 1024;
const OLD = 0xaa;

/** An image of 32 MiB: two partitions, of which the first 5 MiB and the first 9 MiB are used. */
async function imageOf() {
  const bytes = Buffer.alloc(32 * MIB);
  const partitions = [
    [1, 10, 5],
    [12, 20, 9],
  ] as const;
  const random = seeded(7);
  partitions.forEach(([first, size, used], index) => {
    const at = 446 + 16 * index;
    bytes[at + 4] = 0x0c;
    bytes.writeUInt32LE(first * 2048, at + 8);
    bytes.writeUInt32LE(size * 2048, at + 12);
    for (let byte = first * MIB; byte < (first + used) * MIB; byte += 4)
      bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), byte);
  });
  bytes.writeUInt16BE(0x55aa, 510);
  const path = join(folderOf({}), 'small.img');
  writeFileSync(path, bytes);
  writeFileSync(`${path}.bmap`, await bmapOf(bufferSource(bytes), async () => {}));
  const work = { signal: new AbortController().signal, onProgress: () => {} };
  const image = await openCardImage(path, work.signal, work.onProgress);
  expect(image.mapped).toBe(15 * MIB);
  /** What a card with old content holds after the image was written to it. */
  const over = (old: Buffer): Buffer => {
    const whole = Buffer.from(old);
    for (const { first, last } of image.map.ranges) bytes.copy(whole, first * 4096, first * 4096, (last + 1) * 4096);
    return whole;
  };
  return { bytes, path, image, work, over };
}

function contentOf(path: string, size: number): Buffer {
  const content = Buffer.alloc(size);
  readSync(openSync(path, 'r'), content, 0, size, 0);
  return content;
}

interface Call {
  readonly stdin?: PassThrough;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

async function flash(words: readonly string[], { stdin, terminal, signal, onOutput }: Call = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const out: Buffer[] = [];
  let err = '';
  stdout.on('data', (data: Buffer) => {
    out.push(data);
    onOutput?.(data.toString());
  });
  stderr.on('data', (data) => {
    err += data;
  });
  const env = { ...process.env, PIBUILD_STORE: sharedStore, FORCE_COLOR: '0', npm_command: 'run' };
  const host = {
    cwd: process.cwd(),
    env,
    stdin: Object.assign(stdin ?? new PassThrough(), { isTTY: terminal ?? false }),
    stdout,
    stderr: Object.assign(stderr, { isTTY: terminal ?? false }),
    signal: signal ?? new AbortController().signal,
  };
  const code = await pibuild(['flash', 'rpi3-minimal', ...words], host);
  return { code, bytes: Buffer.concat(out), out: Buffer.concat(out).toString(), err };
}

function eventsOf(out: string): Record<string, unknown>[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function complaint(step: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const [first] = error instanceof Failure ? error.diagnostics : [];
  if (first === undefined) throw error ?? new Error('nothing was wrong');
  return { code: first.code, message: first.message };
}

describe('a card', () => {
  test('gets the mapped blocks and keeps the others, is read back from itself, and a second time too', async (context) => {
    const { device, backing } = await loopOf(context, 40 * MIB);
    const { path, over } = await imageOf();
    const old = Buffer.alloc(40 * MIB, OLD);
    writeFileSync(device, old);
    for (const _ of [1, 2]) {
      const { code, out, err } = await flash([device, '--image', path, '--yes', '--force', '--json']);
      expect([code, err]).toEqual([0, '']);
      expect(eventsOf(out).at(-1)).toMatchObject({ type: 'flash-finished', target: device, verified: 'direct' });
      expect(readFileSync(backing).equals(over(old))).toBe(true);
    }
  });

  test('that is too small is left alone', async (context) => {
    const { device, backing } = await loopOf(context, 31 * MIB);
    const { path } = await imageOf();
    const { code, err } = await flash([device, '--image', path, '--yes', '--force']);
    expect([code, err.split('\n')[0]]).toEqual([
      1,
      `error: ${device} is too small: the image has 33554432 bytes, it has 32505856, 1048576 less [flash/too-small]`,
    ]);
    expect(readFileSync(backing).equals(Buffer.alloc(31 * MIB))).toBe(true);
  });

  test('that is mounted is left alone, also by the kernel itself when we do not see the mount', async (context) => {
    const { device, tools } = await loopOf(context, 40 * MIB);
    const { path, image, work } = await imageOf();
    tools.program('tools/image', 'usr/sbin/mke2fs')('-q', device);
    const folder = folderOf({});
    tools.program('tools/card', 'usr/bin/mount')('-t', 'ext2', '-o', 'ro', device, folder);
    onTestFinished(() => void tools.program('tools/card', 'usr/bin/umount')(folder));
    const { code, err } = await flash([device, '--image', path, '--yes', '--force']);
    expect(code).toBe(1);
    expect(err).toContain(`error: ${device} is mounted [flash/mounted]\n  note: ${device} is mounted on ${folder}\n`);
    const target: Target = { kind: 'disk', path: device, disk: { ...(await diskAt(device)), uses: [] } };
    expect(await complaint(writeCard(image, target, work))).toMatchObject({ code: 'flash/in-use' });
  });

  test('is not touched when the image is damaged', async (context) => {
    const { device, backing } = await loopOf(context, 40 * MIB);
    const { path, bytes } = await imageOf();
    bytes[14 * MIB] = (bytes[14 * MIB] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const { code, err } = await flash([device, '--image', path, '--yes', '--force']);
    expect([code, err]).toEqual([1, expect.stringMatching(/small.img is damaged: bytes 12582912 to 22020095 are not/)]);
    expect(readFileSync(backing).equals(Buffer.alloc(40 * MIB))).toBe(true);
  });

  test('that holds something else than was written is found out, though the page cache has it right', async (context) => {
    const { device, backing } = await loopOf(context, 40 * MIB);
    const { image, work, bytes } = await imageOf();
    const target: Target = { kind: 'disk', path: device, disk: await diskAt(device) };
    await (await writeCard(image, target, work))();
    expect(await verifyCard(image, target, work)).toBe('direct');
    // A reader that stays keeps what it read in the page cache of the device.
    const cached = openSync(device, 'r');
    readSync(cached, Buffer.alloc(20 * MIB), 0, 20 * MIB, 0);
    writeSync(openSync(backing, 'r+'), Buffer.from([(bytes[13 * MIB + 5] ?? 0) ^ 1]), 0, 1, 13 * MIB + 5);
    expect(await complaint(verifyCard(image, target, work))).toEqual({
      code: 'flash/not-verified',
      message: `${device} does not hold the image: 1 of the bytes 13631493 to 13631493 are not what was written`,
    });
  });

  test('is nobody else’s until it was read back', async (context) => {
    const { device } = await loopOf(context, 40 * MIB);
    const { image, work } = await imageOf();
    const target: Target = { kind: 'disk', path: device, disk: await diskAt(device) };
    const release = await writeCard(image, target, work);
    expect(await complaint(writeCard(image, target, work))).toMatchObject({ code: 'flash/in-use' });
    expect(await verifyCard(image, target, work)).toBe('direct');
    await release();
    await (await writeCard(image, target, work))();
  });

  test('that ends before its end is one that has less room than it says', async (context) => {
    const { device, resize } = await loopOf(context, 40 * MIB);
    const { image, work } = await imageOf();
    const target: Target = { kind: 'disk', path: device, disk: await diskAt(device) };
    resize(14 * MIB);
    expect(await complaint(writeCard(image, target, work))).toMatchObject({ code: 'flash/short' });
  });

  test('that goes away while it is written is told of, with how far it was', async (context) => {
    const { device, resize } = await loopOf(context, 40 * MIB);
    const { image, work } = await imageOf();
    const target: Target = { kind: 'disk', path: device, disk: await diskAt(device) };
    const onProgress = (done: number): void => {
      if (done < 5 * MIB) resize(0);
    };
    const { code, message } = await complaint(writeCard(image, target, { ...work, onProgress }));
    expect([code, message]).toEqual([
      'flash/device-gone',
      expect.stringMatching(/went away after \d+ of 15728640 bytes$/),
    ]);
  });

  test('that cannot be written at some place fails there', async (context) => {
    const folder = folderOf({});
    const { tools } = await loopOf(context, MIB);
    tools.program('tools/card', 'usr/bin/mount')('-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder);
    onTestFinished(() => void tools.program('tools/card', 'usr/bin/umount')('-l', folder));
    // A file of 40 MiB where there is room for 8: the kernel finds out when it writes.
    const { device } = await loopOf(context, 40 * MIB, join(folder, 'disk'));
    const { image, work } = await imageOf();
    const target: Target = { kind: 'disk', path: device, disk: await diskAt(device) };
    const { code, message } = await complaint(writeCard(image, target, work));
    expect(['flash/write-error', 'flash/short']).toContain(code);
    expect(message).toMatch(/after \d+ of 15728640 bytes/);
  });

  test('has no partition table when Ctrl-C came before its end', async (context) => {
    const { device, backing } = await loopOf(context, 40 * MIB);
    const { path, bytes } = await imageOf();
    writeFileSync(device, bytes.subarray(0, 512));
    const stop = new AbortController();
    const onOutput = (text: string): void => {
      if (text.includes('"step":"write"')) stop.abort(new Interrupted('SIGINT'));
    };
    const words = [device, '--image', path, '--yes', '--force', '--json'];
    const { code, out } = await flash(words, { signal: stop.signal, onOutput });
    expect(code).toBe(130);
    expect(eventsOf(out).at(-1)).toMatchObject({ type: 'flash-stopped', target: device, usable: false });
    expect(contentOf(backing, 512).equals(Buffer.alloc(512))).toBe(true);
  });

  test('is read anew by the kernel when it is asked', async (context) => {
    const { device, tools } = await loopOf(context, 40 * MIB);
    expect(await rereadTable(await diskAt(device), tools.path('tools/card'), never)).toBe(true);
    expect(await rereadTable(await diskAt(device), tools.path('tools/image'), never)).toBe(false);
  });
});

const never = new AbortController().signal;

describe('a file', () => {
  test('that is new becomes the image, with holes where it has them', async () => {
    const { path, bytes } = await imageOf();
    const copy = join(folderOf({}), 'copy.img');
    const { code, out } = await flash([copy, '--image', path]);
    expect([code, out]).toEqual([0, expect.stringContaining('read back and verified: 15 MiB')]);
    expect(readFileSync(copy).equals(bytes)).toBe(true);
    expect(statSync(copy).blocks * 512).toBeLessThan(20 * MIB);
  });

  test('that exists is overwritten when its name is typed, and only then', async () => {
    const { path, bytes } = await imageOf();
    const copy = join(folderOf({ 'copy.img': 'precious' }), 'copy.img');
    const answer = (text: string) => {
      const stdin = new PassThrough();
      stdin.end(text);
      return flash([copy, '--image', path], { stdin, terminal: true });
    };
    expect(await answer('yes\n')).toMatchObject({ code: 1, err: expect.stringContaining('[flash/not-confirmed]') });
    expect(await answer('')).toMatchObject({ code: 1 });
    expect((await flash([copy, '--image', path])).code).toBe(2);
    expect(readFileSync(copy, 'utf8')).toBe('precious');
    expect(await answer('copy.img\n')).toMatchObject({ code: 0 });
    expect(readFileSync(copy).equals(bytes)).toBe(true);
  });

  test('is never the image itself, a folder, a device that is none, or a slip in the name of a device', async () => {
    const { path } = await imageOf();
    const codes = [];
    for (const target of [path, '/tmp', '/dev/null', '/dev/sdzz9', '/nowhere/at/all']) {
      codes.push(/\[(\S+)\]/.exec((await flash([target, '--image', path, '--yes'])).err)?.[1]);
    }
    expect(codes).toEqual(['flash/itself', 'flash/no-target', 'flash/no-target', 'flash/no-device', 'flash/no-folder']);
  });

  test('is verified too: one wrong byte is named', async () => {
    const { image, work, bytes } = await imageOf();
    const target: Target = { kind: 'file', path: join(folderOf({}), 'copy.img') };
    await (await writeCard(image, target, work))();
    writeSync(openSync(target.path, 'r+'), Buffer.from([(bytes[2 * MIB] ?? 0) ^ 255]), 0, 1, 2 * MIB);
    expect((await complaint(verifyCard(image, target, work))).message).toMatch(/1 of the bytes 2097152 to 2097152/);
  });

  test('of an image without a block map is all of it', async () => {
    const folder = folderOf({ 'other.img': Buffer.alloc(5 * MIB + 512, 7) });
    const { code } = await flash([join(folder, 'copy.img'), '--image', join(folder, 'other.img')]);
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'copy.img')).equals(Buffer.alloc(5 * MIB + 512, 7))).toBe(true);
  });
});

test('a pipe gets the whole image, and nothing else', async () => {
  const { path, bytes } = await imageOf();
  const result = await flash(['-', '--image', path]);
  expect([result.code, result.bytes.equals(bytes)]).toEqual([0, true]);
});

test('without a device, what to type is said, and nothing is done', async () => {
  const { code, err } = await flash([]);
  expect([code, err]).toEqual([2, expect.stringMatching(/ {2}pibuild flash rpi3-minimal \/dev\/\S+\n$/)]);
});
