import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { onTestFinished, type TestContext } from 'vitest';
import { Builder } from '../../src/build/builder.ts';
import { History } from '../../src/build/history.ts';
import { throughLoader } from '../../src/build/sandbox.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planPackages } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { folderOf } from './recipes.ts';
import { checkout, sharedStore, toolsOf } from './tools.ts';

/** A program of pibuild's own tools, run on this machine as it is: what it printed. */
export type Tool = (...words: string[]) => string;

/** Makes tools trees, if need be, and gives their programs. */
export async function programsOf(
  packages: readonly string[],
): Promise<{ program(tree: string, path: string): Tool; path(tree: string): string }> {
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const { graph, provides } = planPackages(project, packages);
  const folder = folderOf({});
  const builder = new Builder(graph, {
    store: new Store(sharedStore),
    kinds: taskKinds,
    epoch: project.epoch,
    emit: () => {},
    signal: new AbortController().signal,
    logs: `${folder}/logs`,
    failed: (id) => `${folder}/failed/${id.replaceAll('/', '+')}`,
    history: new History(`${folder}/history.json`),
    times: new Times(`${folder}/times.json`),
  });
  onTestFinished(() => builder.close());
  const trees = new Map<string, string>();
  for (const name of packages) {
    const provided = provides.get(name);
    if (provided === undefined) throw new Error(`${name} was not planned`);
    const result = await builder.build([toolsOf(provided).task]);
    if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
    trees.set(name, await builder.path(toolsOf(provided)));
  }
  const path = (tree: string): string => trees.get(tree) ?? '';
  const program = (tree: string, file: string): Tool => {
    const [loader = '', ...rest] = throughLoader(path(tree), file);
    return (...words) => execFileSync(loader, [...rest, ...words], { encoding: 'utf8', stdio: 'pipe' });
  };
  return { program, path };
}

/** A loop device of a test's own over a file of so many bytes; skips the test, visibly, where there can be none. */
export async function loopOf(context: TestContext, size: number, backing = `${folderOf({})}/disk`) {
  if (process.getuid?.() !== 0) return context.skip('loop devices are for root');
  try {
    closeSync(openSync('/dev/loop-control', 'r+'));
  } catch {
    return context.skip('this machine gives no loop devices');
  }
  const tools = await programsOf(['tools/card', 'tools/image']);
  const losetup = tools.program('tools/card', 'usr/sbin/losetup');
  const resize = (bytes: number): void => {
    const file = openSync(backing, 'a');
    ftruncateSync(file, bytes);
    closeSync(file);
  };
  resize(size);
  const device = losetup('--find', '--show', '--partscan', backing).trim();
  onTestFinished(() => void losetup('--detach', device));
  return {
    device,
    backing,
    tools,
    /** Changes how large the disk is, while it is in use. */
    resize(bytes: number): void {
      resize(bytes);
      losetup('--set-capacity', device);
    },
  };
}
