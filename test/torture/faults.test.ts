import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Event } from '../../src/build/event.ts';
import { sendBytes } from '../helpers/archive.ts';
import type { Running } from '../helpers/boot.ts';
import { randomOf } from '../helpers/random.ts';
import {
  createYard,
  eventsIn,
  expectNoProcess,
  expectResults,
  isDear,
  leftoversIn,
  makeWell,
  makeWords,
  taskOf,
  YARD_BOARD,
  type Yard,
} from '../helpers/yard.ts';

/** Everything but the plug being pulled: disks, mirrors, terminals and other pibuilds that do not behave. */

const SEED = Number(process.env.PIBUILD_TORTURE_SEED ?? Date.now() % 1_000_000);

let yard: Yard;
beforeAll(async () => {
  // A download, its unpacking in the sandbox, and a step that Node does: all there is, in seconds.
  yard = await createYard('glibc:install');
  await makeWell(yard);
  console.log(`seed ${SEED}`);
});
afterAll(() => yard.remove());

beforeEach(() => {
  const cheap = yard.tasks.filter((task) => !isDear(task) && !task.task.id.startsWith('tools/'));
  yard.forget(cheap, cheap);
});
/** Whatever a test did: the next make is as always, and nothing is left of it. */
afterEach(async () => {
  yard.answer = undefined;
  await makeWell(yard);
  await expectNoProcess(yard);
  expect(leftoversIn(yard)).toEqual([]);
});

const make = (words: readonly string[] = [], environment?: NodeJS.ProcessEnv): Running =>
  yard.start(makeWords(yard, ...words), environment);

async function ended(running: Running): Promise<{ code: number | null; output: string }> {
  return { code: await running.ended, output: running.output() };
}

function notABug(output: string): void {
  expect(output).not.toContain('this is a bug');
  expect(output).not.toMatch(/^ +at .*\.[jt]s:\d+/m);
}

/** What ran, of the events of several makes. */
function ran(events: readonly Event[]): string[] {
  return events.flatMap((event) => (event.type === 'task-finished' && event.outcome === 'ran' ? [event.task] : []));
}

describe('a mirror', () => {
  test('that cuts every answer short is asked for the rest until all is there', async () => {
    const asked = new Map<string, number>();
    yard.answer = (request, response, bytes) => {
      const count = (asked.get(request.url ?? '') ?? 0) + 1;
      asked.set(request.url ?? '', count);
      if (count > 3) sendBytes(request, response, bytes);
      else cutShort(request, response, bytes);
    };
    await makeWell(yard);
    expect(yard.mirror.requests.some((line) => /bytes=[1-9]\d*-/.test(line))).toBe(true);
  });

  test('that sends other bytes is told with what was expected', async () => {
    yard.answer = (request, response, bytes) => sendBytes(request, response, Buffer.alloc(bytes.length, 'x'));
    const { code, output } = await ended(make());
    expect(code).toBe(1);
    expect(output).toMatch(/error: cannot download 'libc6_.*\.deb': what there is has other bytes/);
    expect(output).toMatch(/sent other bytes: sha256 [0-9a-f]{64}/);
    expect(output).toMatch(/hint: expected sha256 [0-9a-f]{64}/);
    notABug(output);
  });

  test('that answers 404 no longer has the file: with --frozen that is the end', async () => {
    yard.answer = (_, response) => response.writeHead(404).end();
    const { code, output } = await ended(make(['--frozen']));
    expect(code).toBe(1);
    expect(output).toMatch(/error: 'libc6_.*\.deb' is gone from everywhere/);
    expect(output).toMatch(/answered 404/);
    expect(output).toContain('hint: pibuild lock glibc');
    notABug(output);
  });

  test('that answers 404 to everything leaves nothing to lock anew either, and that is told', async () => {
    yard.answer = (_, response) => response.writeHead(404).end();
    const { code, output } = await ended(make());
    expect(code).toBe(1);
    expect(output).toMatch(/is gone from everywhere/);
    notABug(output);
  });

  test('that answers 500 is tried again for a while', async () => {
    let count = 0;
    yard.answer = (_, response) => {
      count += 1;
      response.writeHead(500).end();
    };
    const { code, output } = await ended(make());
    expect(code).toBe(1);
    expect(count).toBeGreaterThan(2);
    expect(output).toMatch(/error: cannot download 'libc6_.*\.deb'/);
    expect(output).toMatch(/answered 500/);
    expect(output).toContain('try again when the network is back');
    notABug(output);
  });

  test('that hangs is left for another one', async () => {
    yard.answer = (request, response, bytes) => {
      if (request.url?.startsWith('/other/')) sendBytes(request, response, bytes);
    };
    const mirrors = `${yard.mirror.url} ${yard.mirror.url}/other`;
    await makeWell(yard, { PIBUILD_DEBIAN_MIRROR: mirrors });
  });

  test('that hangs does not keep Ctrl-C from ending it', async () => {
    yard.answer = () => {};
    const running = make(['--json']);
    await running.until('"task-started"');
    const before = Date.now();
    running.child.kill('SIGINT');
    expect(await running.ended).toBe(130);
    expect(Date.now() - before).toBeLessThan(10_000);
  });

  function cutShort(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const end = Math.min(bytes.length, start + Math.ceil(bytes.length / 4));
    const range = start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...range });
    response.write(bytes.subarray(start, end), () => response.destroy());
  }
});

describe('a damaged store', () => {
  const kinds = ['cas', 'cas-x', 'ac', 'history', 'recipes', 'present', 'times.json'];

  test.each(kinds)('with flipped bytes in %s gives the same image', async (kind) => {
    const random = randomOf(SEED);
    const dear = new Set(yard.tasks.filter(isDear).map(({ fingerprint }) => fingerprint as string));
    const kept = new Set(dearBlobs());
    const files = filesBelow(join(yard.store.paths.root, kind)).filter((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return !dear.has(name) && !kept.has(name);
    });
    for (const path of random.shuffled(files).slice(0, 40)) flip(path, random.below(1 << 20));
    const { code, output } = await ended(make());
    expect(code, output).toBe(0);
    await expectResults(yard);
    notABug(output);
    const verified = await ended(yard.start(['store', '--verify']));
    notABug(verified.output);
    await makeWell(yard);
    expect(await ended(yard.start(['store', '--verify']))).toMatchObject({
      code: 0,
      output: expect.stringContaining('all is well'),
    });
  });

  test('with flipped bytes in the trees of tools makes them anew', async () => {
    const random = randomOf(SEED);
    for (const id of ['tools/bootstrap:unpack']) {
      const [artifact] = Object.values(taskOf(yard, id).artifacts);
      const files = filesBelow(yard.store.paths.tree(artifact?.digest.hash ?? ''));
      for (const path of random.shuffled(files).slice(0, 5)) flip(path, random.below(1 << 20));
    }
    const { code, output } = await ended(make());
    expect(code, output).toBe(0);
    await expectResults(yard);
    expect(output).toMatch(/warning: .* in the store was not what was written there; it is made anew/);
  });

  test('with a download that is half there and wrong gets the file all the same', async () => {
    const { params } = taskOf(yard, 'glibc:fetch').task;
    const [{ sha256, size }] = (params as { files: [{ sha256: string; size: number }] }).files;
    mkdirSync(yard.store.paths.partials, { recursive: true });
    writeFileSync(yard.store.paths.partial(sha256), Buffer.alloc(size / 2, 'x'));
    await makeWell(yard);
  });

  /** The blobs of what takes minutes to make again. */
  function dearBlobs(): string[] {
    const trees = yard.tasks.filter(isDear).flatMap(({ artifacts }) => Object.values(artifacts));
    return trees.flatMap((artifact) => yard.blobsOf(artifact));
  }
});

describe('several at once', () => {
  test.each([2, 4])('%i makes give the same image, and each task runs once', async (count) => {
    const running = Array.from({ length: count }, () => make(['--json']));
    const codes = await Promise.all(running.map((each) => each.ended));
    expect(codes, running.map((each) => each.output()).join('\n')).toEqual(codes.map(() => 0));
    const events = running.flatMap(eventsIn);
    await expectResults(yard);
    const all = ran(events).filter((id) => !id.endsWith(':fetch'));
    expect(all.sort()).toEqual(['glibc:install', 'glibc:unpack']);
  });

  test('of four makes two are killed, and the others notice nothing', async () => {
    const random = randomOf(SEED);
    const running = Array.from({ length: 4 }, () => make(['--json']));
    await Promise.all(running.map((each) => each.until('"build-started"')));
    for (const each of running.slice(2)) {
      await new Promise((resolve) => setTimeout(resolve, random.below(1000)));
      each.child.kill('SIGKILL');
    }
    const codes = await Promise.all(running.map((each) => each.ended));
    expect(codes.slice(0, 2), running.map((each) => each.output()).join('\n')).toEqual([0, 0]);
  });

  test('gc refuses while a make is at work, and harms nothing', async () => {
    const running = make(['--json']);
    await running.until('"task-started"');
    const { code, output } = await ended(yard.start(['gc', '--keep', '0']));
    expect({ code, output }).toEqual({
      code: 1,
      output: 'error: a build is at work in this store [store/busy]\n  hint: run gc again when it is done\n',
    });
    expect(await running.ended).toBe(0);
  });

  test('a make that comes while gc is at work waits for its end', async () => {
    const gc = yard.start(['gc', '--keep', '100G']);
    const running = [make(), make()];
    expect([0, 1]).toContain(await gc.ended);
    for (const each of running) expect(await ended(each)).toMatchObject({ code: 0 });
  });
});

describe('a full or read-only disk', () => {
  /** Runs a script of sh in a mount namespace of its own, where `$STORE` is an empty folder to mount on. */
  function inNamespace(script: string, environment: NodeJS.ProcessEnv = {}): Running {
    const place = join(yard.project, '../mount');
    mkdirSync(place, { recursive: true });
    const pibuild = yard.argv(makeWords(yard)).map((word) => `'${word}'`);
    const text = `set -eu; make() { ${pibuild.join(' ')} "$@"; }; ${script}`;
    return yard.run(['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', text], {
      STORE: place,
      PIBUILD_STORE: place,
      ...environment,
    });
  }

  test('a store that grows until the disk is full is told as such at every size, and goes on when there is room', async () => {
    const sizes = [1, 2, 5, 9, 14, 20, 27, 35, 50, 70, 90, 110, 130, 150];
    const steps = sizes.map(
      (size) => `mount -o remount,size=${size}m "$STORE"; code=0; make || code=$?; echo "at ${size}: $code"`,
    );
    const running = inNamespace(
      [
        'mount -t tmpfs -o size=1m none "$STORE"',
        ...steps,
        'mount -o remount,size=900m "$STORE"',
        'make',
        'find "$STORE/tmp" "$STORE/failed" "$STORE/partial" -mindepth 1 2>/dev/null | sed "s/^/left: /"',
      ].join('; '),
    );
    const { code, output } = await ended(running);
    expect(code, output).toBe(0);
    notABug(output);
    const codes = [...output.matchAll(/^at (\d+): (\d+)$/gm)].map(([, , exit]) => exit);
    expect(codes).toHaveLength(sizes.length);
    expect(codes[0]).toBe('1');
    expect(codes.every((exit) => exit === '0' || exit === '1')).toBe(true);
    const told = output.match(/error: the disk is full/g)?.length ?? 0;
    expect(told, output).toBeGreaterThanOrEqual(codes.filter((exit) => exit === '1').length);
    expect(output).toContain('hint: free some space');
    expect(output).not.toMatch(/^left: /m);
  });

  test('a store on a read-only filesystem', async () => {
    const { code, output } = await ended(
      inNamespace('mount --bind "$REAL" "$STORE"; mount -o remount,ro,bind "$STORE"; make', {
        REAL: yard.store.paths.root,
      }),
    );
    expect(code).toBe(1);
    expect(output).toMatch(/^error: the store is on a read-only filesystem: .* \[store\/read-only\]$/m);
    expect(output).toContain('hint: set PIBUILD_STORE to a folder you can write to');
    notABug(output);
  });

  test('a project on a read-only filesystem', async () => {
    const output = join(yard.project, 'output');
    const ended_ = await ended(
      inNamespace(`mount --bind "$OUT" "$OUT"; mount -o remount,ro,bind "$OUT"; make`, {
        OUT: output,
        PIBUILD_STORE: yard.store.paths.root,
      }),
    );
    expect(ended_.code).toBe(1);
    expect(ended_.output).toMatch(/error: cannot write to .*output\/yard/);
    notABug(ended_.output);
  });
});

describe('an odd environment', () => {
  test('a store and a project with spaces and more in their paths', async () => {
    const { root } = yard.store.paths;
    const odd = join(root, `../Lager für "Pi's" & Co, Größe 1 ☃`);
    renameSync(root, odd);
    try {
      const project = join(yard.project, `../Projekt 'ä' $HOME`);
      mkdirSync(join(project, 'boards'), { recursive: true });
      const recipe = readFileSync(join(yard.project, `boards/${YARD_BOARD}/board.yaml`), 'utf8');
      mkdirSync(join(project, `boards/${YARD_BOARD}`));
      writeFileSync(join(project, `boards/${YARD_BOARD}/board.yaml`), recipe);
      const { code, output } = await ended(
        yard.run(
          yard.argv(makeWords(yard)).map((word) => (word === yard.project ? project : word)),
          {
            PIBUILD_STORE: odd,
          },
        ),
      );
      expect(code, output).toBe(0);
    } finally {
      renameSync(odd, root);
    }
    await expectResults(yard);
  });

  test('a umask that lets nobody else read, with every tree to be unpacked and linked anew', async () => {
    const tools = [taskOf(yard, 'tools/bootstrap:unpack')];
    yard.forget(tools, tools);
    rmSync(yard.store.paths.trees, { recursive: true });
    const { code, output } = await ended(
      yard.run(['sh', '-c', 'umask 077; exec "$@"', 'sh', ...yard.argv(makeWords(yard))]),
    );
    expect(code, output).toBe(0);
    await expectResults(yard);
  });

  test('no HOME, and nothing else in the environment but where the store and the mirrors are', async () => {
    const names = ['PIBUILD_STORE', 'PIBUILD_DEBIAN_MIRROR', 'PIBUILD_DEBIAN_SECURITY_MIRROR'];
    const kept = names.map((name) => `${name}="$${name}"`).join(' ');
    const { code, output } = await ended(
      yard.run(['sh', '-c', `exec env -i ${kept} "$@"`, 'sh', ...yard.argv(makeWords(yard))]),
    );
    expect(code, output).toBe(0);
    await expectResults(yard);
  });

  test.skipIf(process.getuid?.() !== 0)('a user whom the machine does not know has no home (needs root)', async () => {
    const user = [
      'setpriv',
      '--reuid',
      '54321',
      '--clear-groups',
      'env',
      '-u',
      'HOME',
      '-u',
      'PIBUILD_STORE',
      '-u',
      'XDG_CACHE_HOME',
    ];
    chmodSync(join(yard.argv([])[1] ?? '', '../..'), 0o755);
    const { code, output } = await ended(yard.run([...user, ...yard.argv(makeWords(yard))]));
    expect({ code, output }).toEqual({
      code: 2,
      output:
        'error: there is no home folder for the store [cli/no-home]\n  hint: set PIBUILD_STORE to a folder you can write to\n',
    });
  });
});

describe('a person', () => {
  test('who presses Ctrl-C twice has the prompt back at once, and no process is left', async () => {
    const running = make(['--json']);
    await running.until('"task-started"');
    running.child.kill('SIGINT');
    running.child.kill('SIGINT');
    expect(await running.ended).toBe(130);
    await expectNoProcess(yard);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'who stops a make at any moment by %s is told, and can go on',
    async (signal) => {
      const random = randomOf(SEED);
      const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
      for (let round = 0; round < 5; round++) {
        const cheap = yard.tasks.filter((task) => !isDear(task) && !task.task.id.startsWith('tools/'));
        yard.forget(cheap, cheap);
        const running = make();
        const timer = setTimeout(() => running.child.kill(signal), 300 + random.below(3000));
        const { code, output } = await ended(running);
        clearTimeout(timer);
        notABug(output);
        expect([0, codes[signal]], output).toContain(code);
        await expectNoProcess(yard);
      }
    },
  );

  test('whose terminal goes away finds nothing running, and all that was done', async () => {
    const argv = yard.argv(makeWords(yard)).map((word) => `'${word}'`);
    const bug = readdirSync('/tmp').filter((name) => name.startsWith('pibuild-bug-'));
    const terminal = yard.run(['script', '-qfec', `exec ${argv.join(' ')}`, '/dev/null']);
    await terminal.until('glibc');
    terminal.child.kill('SIGKILL');
    await expectNoProcess(yard);
    expect(readdirSync('/tmp').filter((name) => name.startsWith('pibuild-bug-'))).toEqual(bug);
  });
});

function flip(path: string, at: number): void {
  const { mode, size } = statSync(path);
  if (size === 0) return;
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[at % size] = (bytes[at % size] ?? 0) ^ (1 << (at & 7));
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  utimesSync(path, 1_234_567, 1_234_567);
}

function filesBelow(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const all = readdirSync(path, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
