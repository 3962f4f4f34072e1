import { readFileSync, rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { type Context, Interrupted } from '../../../src/commands/context.ts';
import { verbs } from '../../../src/commands/index.ts';
import { pibuild } from '../../../src/commands/program.ts';
import { type Call, positive, type Verb } from '../../../src/commands/verb.ts';
import { fail } from '../../../src/diagnostic.ts';

type Run = (context: Context, call: Call) => Promise<number>;

function verb(name: string, run: Run, more: Partial<Verb> = {}): Verb {
  const load = async () => ({ run });
  return { name, summary: 'Do it', arguments: [], options: [], examples: [[name, 'do it']], load, ...more };
}

async function call(words: readonly string[], table: readonly Verb[], signal = new AbortController().signal) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const host = { cwd: '/home/me', env: { HOME: '/home/me' }, stdin: new PassThrough(), stdout, stderr, signal };
  const code = await pibuild(words, host, table);
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('a verb gets its words and options, and its exit code is the exit code', async () => {
  let seen: { context: Context; call: Call } | undefined;
  const make = verb('make', async (context, given) => {
    seen = { context, call: given };
    return 3;
  });
  const options = [
    { flags: '--memory <size>', summary: '', parse: positive },
    { flags: '--forward <ports>', summary: '', repeat: true },
  ];
  const table = [
    {
      ...make,
      arguments: [
        { name: '<board>', summary: '' },
        { name: '[task...]', summary: '' },
      ],
      options,
    },
  ];
  const words = [
    '--json',
    'make',
    'rpi3',
    'a:b',
    '-j',
    '3',
    '--forward',
    '1:2',
    'c:d',
    '--forward',
    '3:4',
    '--memory',
    '7',
  ];
  expect(await call(words, table)).toMatchObject({ code: 3, err: '' });
  expect(seen?.call).toEqual({ arguments: ['rpi3', 'a:b', 'c:d'], options: { forward: ['1:2', '3:4'], memory: 7 } });
  expect(seen?.context.options).toMatchObject({ json: true, jobs: 3, color: true, keepGoing: false });
});

test('the project and the store are where options, environment and home say', async () => {
  const contexts: Context[] = [];
  const table = [verb('make', async (context) => contexts.push(context))];
  await call(['make'], table);
  await call(['make', '-C', '../you', '--store', 'cache'], table);
  expect(contexts.map(({ folder }) => folder)).toEqual(['/home/me', '/home/you']);
  expect(contexts[1]?.store.root).toBe('/home/me/cache');
});

test('wrong usage says what was meant, and ends with 2', async () => {
  const table = [
    verb('make', async () => 0, { arguments: [{ name: '<board>', summary: '' }] }),
    verb('lock', async () => 0),
  ];
  const mistakes: [words: string[], message: RegExp][] = [
    [['mkae'], /unknown verb 'mkae' .*\n {2}hint: did you mean 'make'\?/],
    [['flash'], /unknown verb 'flash' .*\n {2}hint: known: lock, make/],
    [['make', 'x', '--keep-gonig'], /unknown option '--keep-gonig' .*\n {2}hint: did you mean '--keep-going'\?/],
    [['make'], /missing required argument 'board' .*\n {2}hint: see 'pibuild make --help'/],
    [['lock', 'x'], /too many arguments/],
    [['make', 'x', '-j', '0'], /'0' is not a whole number above zero/],
    [['make', 'x', '-j'], /argument missing/],
  ];
  for (const [words, message] of mistakes) {
    const { code, err, out } = await call(words, table);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/^error: /);
  }
});

test('without a verb the help is on standard error and the exit code is 2', async () => {
  const { code, out, err } = await call([], [verb('make', async () => 0)]);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('make');
});

test('what a user caused is told without a stack; a wrong recipe is 2, a failed build 1', async () => {
  const recipe = await call(['make'], [verb('make', () => Promise.reject(fail('recipe/unknown-key', 'no', 'yes')))]);
  expect(recipe).toEqual({ code: 2, out: '', err: 'error: no [recipe/unknown-key]\n  hint: yes\n' });
  const build = await call(['make'], [verb('make', () => Promise.reject(fail('store/full', 'the disk is full')))]);
  expect(build).toEqual({ code: 1, out: '', err: 'error: the disk is full [store/full]\n' });
});

test('with --json the diagnostics are an event on standard output', async () => {
  const { out, err } = await call(['make', '--json'], [verb('make', () => Promise.reject(fail('store/full', 'full')))]);
  expect(err).toBe('');
  expect(JSON.parse(out)).toMatchObject({ type: 'failed', diagnostics: [{ code: 'store/full', message: 'full' }] });
});

test('a bug is one line and a report with the stack, and ends with 70', async () => {
  const bug = verb('make', () => Promise.reject(new TypeError('x is not a function')));
  const { code, err } = await call(['make'], [bug]);
  expect(code).toBe(70);
  const [first, second = ''] = err.split('\n');
  expect(first).toBe('pibuild: this is a bug: TypeError: x is not a function');
  const report = second.replace('  report  ', '');
  expect(readFileSync(report, 'utf8')).toMatch(/pibuild make\n.*program\.test\.ts/s);
  rmSync(report);
});

test('work stopped by a signal ends with the code of the signal, whatever it came to', async () => {
  const stopped = () => {
    const controller = new AbortController();
    controller.abort(new Interrupted('SIGINT'));
    return controller.signal;
  };
  const failed = verb('make', async () => 1);
  const thrown = verb('make', async ({ signal }) => signal.throwIfAborted() ?? 0);
  const done = verb('make', async () => 0);
  expect(await call(['make'], [failed], stopped())).toEqual({ code: 130, out: '', err: '' });
  expect(await call(['make'], [thrown], stopped())).toEqual({ code: 130, out: '', err: '' });
  expect(await call(['make'], [done], stopped())).toEqual({ code: 0, out: '', err: '' });
});

test('--version prints the version alone', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(await call(['--version'], [])).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

test('every verb has a help with an example, and its module is there', async () => {
  for (const { name, load } of verbs) {
    const { code, out, err } = await call([name, '--help'], verbs);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: pibuild ${name}`);
    expect(out).toMatch(new RegExp(`Examples:\n  pibuild ${name}`));
    expect((await load()).run).toBeTypeOf('function');
  }
});

test('help shows no verb that does not exist', async () => {
  const { out } = await call(['--help'], verbs);
  const listed = [...out.slice(out.indexOf('Verbs:')).matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  expect(listed).toEqual([...verbs.map(({ name }) => name), 'help']);
});
