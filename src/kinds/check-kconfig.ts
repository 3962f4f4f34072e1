import { createReadStream } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { createGunzip } from 'node:zlib';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import { checkRequests } from '../kconfig/check.ts';
import { parseConfig } from '../kconfig/config.ts';
import { type Fragment, mergeRequests, parseFragment } from '../kconfig/fragment.ts';
import { parseKconfig } from '../kconfig/language.ts';
import { artifact } from './command.ts';
import type { ArtifactRef, TaskKind, Workspace } from './kind.ts';

export type CheckKconfigParams = {
  /** What the codes of the diagnostics begin with: `kernel` or `kconfig`. */
  area: string;
  /** The Kconfig file to begin with, in the archive. */
  root: string;
  /** What the Makefile exports to Kconfig files. */
  variables: Record<string, string>;
};

/**
 * Checks that a configuration has every symbol that the fragments ask for, as asked, and passes it on. Inputs: `config`,
 * `kconfig` (a tar.gz of all Kconfig files) and `fragments/*`; artifact: `config`. A task of its own behind configuring, so
 * that a comment in a fragment does not rebuild what is built of the configuration.
 *
 * Fails with a diagnostic for each symbol: `<area>/symbol-dropped`, `unknown-symbol`, `contradiction`, `bad-fragment`.
 */
export const checkKconfigKind: TaskKind<CheckKconfigParams> = {
  kind: 'check-kconfig',
  revision: 1,
  run: check,
};

/** What the kernel's Kconfig files begin with, and what its Makefile exports to them. */
export const KERNEL_KCONFIG = { root: 'Kconfig', variables: { SRCARCH: 'arm64' } };

/** The task `<package>:check` behind `<package>:configure`, and the checked configuration. */
export function checkKconfigTask(
  pack: string,
  fragments: Readonly<Record<string, Input>>,
  params: CheckKconfigParams,
): { task: Task; config: ArtifactRef } {
  const task: Task = {
    id: `${pack}:check` as TaskId,
    kind: checkKconfigKind.kind,
    title: `check the configuration of ${pack}`,
    params,
    inputs: {
      config: artifact(`${pack}:configure`, 'config'),
      kconfig: artifact(`${pack}:configure`, 'kconfig'),
      ...fragments,
    },
    outputs: { config: 'file' },
  };
  return { task, config: artifact(task.id, 'config') };
}

async function check(workspace: Workspace, params: CheckKconfigParams): Promise<void> {
  const fragments = await readFragments(workspace, params.area);
  const requests = mergeRequests(fragments);
  const values = parseConfig(await readFile(workspace.input('config'), 'utf8'));
  const model = parseKconfig(await readArchive(workspace.input('kconfig')), params.root, params.variables);
  const diagnostics: Diagnostic[] = [
    ...fragments.flatMap(({ problems }) => problems),
    ...checkRequests(requests, values, model, params.area),
  ];
  if (diagnostics.length > 0) throw new Failure(...diagnostics);
  workspace.log(`all ${requests.length} symbols asked for are set as asked`);
  await copyFile(workspace.input('config'), workspace.output('config'));
}

/** The inputs `fragments/*` of a task, in order. */
export function readFragments({ task, input }: Workspace, area: string): Promise<Fragment[]> {
  const names = Object.keys(task.inputs).filter((name) => name.startsWith('fragments/'));
  return Promise.all(
    names.sort().map(async (name) => {
      return parseFragment(await readFile(input(name), 'utf8'), fileOf(task.inputs[name], name), area);
    }),
  );
}

/** A fragment as its user would type it: relative where that is shorter. */
function fileOf(input: Input | undefined, name: string): string {
  if (input?.from !== 'project') return name;
  const short = relative(process.cwd(), input.path);
  return short.length < input.path.length ? short : input.path;
}

/** The texts of a tar.gz by path, without `./`. */
export async function readArchive(path: string): Promise<Map<string, string>> {
  const { extract } = await import('tar-stream');
  const files = new Map<string, string>();
  const gunzip = createGunzip();
  const stream = createReadStream(path);
  stream.on('error', (error) => gunzip.destroy(error));
  for await (const entry of stream.pipe(gunzip).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name.replace(/^\.\//, ''), Buffer.concat(chunks).toString('utf8'));
  }
  return files;
}
