import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from '../../src/build/builder.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Task } from '../../src/graph/task.ts';
import { fileSource, tarMembers } from '../../src/image/tar-reader.ts';
import { artifact, commandTask } from '../../src/kinds/command.ts';
import { enterNamespace, prelude } from '../../src/kinds/emulated-root.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { USERLAND_TOOLS } from '../../src/kinds/userland.ts';
import { storeRoot, workFolder } from '../../src/paths.ts';
import { planPackages } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { type Line, type Measured, ratio } from './line.ts';

const NAME = 'debian';
const MOST = 1.1;

/** From downloaded debs to the finished layer, each in the same sandbox on the same tools. */
export const userland: Line = {
  name: 'userland',
  what: 'debs of a userland to its layer',
  against: 'mmdebstrap, same list',
  bar: `<= ${MOST} x`,
  long: true,
  measure: async (say) => {
    const { took, paths } = await measured();
    const [ours, theirs] = [[...paths.ours], [...paths.theirs]].map((list) => new Set(list.filter(isCompared)));
    const missing = [...(theirs ?? [])].filter((path) => !ours?.has(path));
    const more = [...(ours ?? [])].filter((path) => !theirs?.has(path));
    say(`${ours?.size} paths, ${missing.length} fewer and ${more.length} more than mmdebstrap's`);
    for (const path of [...missing.map((each) => `- ${each}`), ...more.map((each) => `+ ${each}`)].slice(0, 20))
      say(path);
    return ratio(took.base + took.root + took.pack, took.mmdebstrap, MOST);
  },
};

/** What a deb more in the recipe costs: the base is there. */
export const userlandRebuild: Line = {
  name: 'userland-rebuild',
  what: 'a userland again, with a deb more',
  against: 'all of it',
  bar: '< 1 x',
  long: true,
  measure: async () => {
    const { took } = await measured();
    return ratio(took.root + took.pack, took.base + took.root + took.pack, 1);
  },
};

/** The packed layer beside what mmdebstrap alone makes of minbase, both compressed alike. */
export const userlandSize: Line = {
  name: 'userland-size',
  what: 'a userland with Python on the card',
  against: 'its minbase as a tar',
  bar: '<= 1 x',
  long: true,
  measure: async (): Promise<Measured> => {
    const { size } = await measured();
    const quotient = size.layer / size.base;
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    return {
      ours: megabytes(size.layer),
      theirs: megabytes(size.base),
      result: `${quotient.toFixed(2)} x`,
      met: quotient <= 1,
    };
  },
};

interface Runs {
  readonly took: Readonly<Record<'base' | 'root' | 'pack' | 'mmdebstrap', number>>;
  readonly size: Readonly<Record<'layer' | 'base', number>>;
  readonly paths: { readonly ours: Set<string>; readonly theirs: Set<string> };
}

let runs: Promise<Runs> | undefined;

/** Measured once, for all lines. */
function measured(): Promise<Runs> {
  runs ??= measure();
  return runs;
}

async function measure(): Promise<Runs> {
  const installation = resolve('.');
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-bench-'));
  const project = loadProject({ folder: installation, installation, kinds: packageKinds });
  const { graph, provides } = planPackages(project, [NAME]);
  const tools = provides.get(USERLAND_TOOLS)?.tools;
  const fakeroot = provides.get('fakeroot')?.layer;
  const { lock } = project.package(NAME);
  if (!tools || !fakeroot || !lock) throw new Error('the userland is not what it was');
  // An input that no other build has: the tasks run, whatever the store holds.
  const salted = (task: Task): Task => ({ ...task, inputs: { ...task.inputs, salt: { from: 'text', text: folder } } });
  const steps = ['base', 'root', 'pack'].map((step) => `${NAME}:${step}` as Task['id']);
  const theirs = commandTask({
    id: 'bench:mmdebstrap',
    title: 'mmdebstrap',
    tools,
    inputs: {
      prelude: { from: 'text', text: prelude },
      make: { from: 'text', text: plainMmdebstrap(lock.debs.map(({ name }) => name)) },
      paths: graph.tasks.get(steps[0] as Task['id'])?.inputs.paths ?? { from: 'text', text: '' },
      salt: { from: 'text', text: folder },
      fakeroot,
      base: artifact(`${NAME}:fetch-base`, 'files'),
      more: artifact(`${NAME}:fetch`, 'files'),
    },
    outputs: { root: 'file' },
    script: enterNamespace,
  });
  const tasks = [...graph.tasks.values()].map((task) => (steps.includes(task.id) ? salted(task) : task));
  const store = new Store(storeRoot(process.env, installation));
  const events: Event[] = [];
  const run = async (id: string) => {
    const all = unwrap(createGraph([...tasks, theirs], [id as Task['id']], graph.sandbox));
    const result = await build(all, all.targets, {
      store,
      kinds: taskKinds,
      epoch: project.epoch,
      jobs: 1,
      emit: (event) => events.push(event),
      signal: new AbortController().signal,
      logs: join(folder, 'logs'),
      failed: (task) => join(folder, 'failed', task),
      history: new History(join(folder, 'history.json')),
      times: new Times(join(folder, 'times.json')),
    });
    if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
    return result.artifacts;
  };
  const ours = await run(`${NAME}:pack`);
  const other = await run('bench:mmdebstrap');
  const took = (id: string): number =>
    events.flatMap((event) => (event.type === 'task-finished' && event.task === id ? [event.took] : []))[0] ??
    Number.NaN;
  const blob = async (from: typeof ours, id: string, name: string): Promise<string> => {
    const found = from.get(id as Task['id'])?.[name];
    return (found && (await store.blob(found.digest))) ?? '';
  };
  return {
    took: {
      base: took(`${NAME}:base`),
      root: took(`${NAME}:root`),
      pack: took(`${NAME}:pack`),
      mmdebstrap: took('bench:mmdebstrap'),
    },
    size: {
      layer: statSync(await blob(ours, `${NAME}:pack`, 'layer')).size,
      base: statSync(await blob(ours, `${NAME}:base`, 'base')).size,
    },
    paths: {
      ours: pathsOf(await blob(ours, `${NAME}:root`, 'root')),
      theirs: pathsOf(await blob(other, 'bench:mmdebstrap', 'root')),
    },
  };
}

/** mmdebstrap as anyone would call it with a local archive, but for mounts that a user namespace does not allow. */
function plainMmdebstrap(names: readonly string[]): string {
  return `rmdir r
mkdir archive
cp in/base/*.deb in/more/*.deb archive/
(cd archive && for deb in *.deb; do
  dpkg-deb -f "$deb"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
done > Packages
printf 'Suite: trixie\\nCodename: trixie\\nArchitectures: arm64\\nDate: Thu, 01 Jan 2026 00:00:00 UTC\\nSHA256:\\n %s %s Packages\\n' \\
  "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" > Release)
mkdir lent
tar -C lent -xf in/fakeroot
mmdebstrap --mode=root --variant=essential --architectures=arm64 --include=${names.join(',')} \\
  "\${path_options[@]/#--/--dpkgopt=}" --skip=check/qemu,check/signed-by,chroot/mount --aptopt='APT::Sandbox::User "root"' \\
  --setup-hook='mkdir -p $1/usr/lib && cp -a lent/usr/lib/aarch64-linux-gnu $1/usr/lib/' \\
  --extract-hook='mkdir -p $1/dev $1/proc; mount --rbind /dev $1/dev; mount --rbind /proc $1/proc' \\
  --customize-hook='umount -l $1/dev $1/proc; rm -rf $1/usr/lib/aarch64-linux-gnu/libfakeroot' \\
  --format=tar trixie out/root 'deb [trusted=yes] copy:${workFolder}/archive ./'
`;
}

function pathsOf(tar: string): Set<string> {
  const source = fileSource(tar);
  try {
    return new Set(
      [...tarMembers(source)].map(
        ({ path, type, mode, uid, gid }) => `${path.replace(/^\.\//, '')} ${type} ${mode.toString(8)} ${uid}:${gid}`,
      ),
    );
  } finally {
    source.close();
  }
}

/** What both leave of their own making is no part of the comparison. */
function isCompared(path: string): boolean {
  return !/^(dev\/|var\/(log|cache|lib\/(apt|dpkg))\/|etc\/(apt|dpkg|fstab|hostname|hosts|resolv\.conf|machine-id))/.test(
    path,
  );
}
