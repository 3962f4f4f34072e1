import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Builder } from '../../src/build/builder.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { Failure, formatDiagnostic, unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Input, Task, TaskId } from '../../src/graph/task.ts';
import { artifact, commandTask } from '../../src/kinds/command.ts';
import { type ImagePlan, planImage } from '../../src/kinds/image.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planPackages } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { Board } from '../../src/recipe/model.ts';
import { checkout, sharedStore, toolsOf } from './tools.ts';

/** Archives that become packages' layers, and files that become a package's boot tree. */
export interface Parts {
  readonly layers: Readonly<Record<string, Buffer>>;
  readonly boots: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The image tasks of a board over these parts, ready to be built with pibuild's own tools in the shared store. */
export function imageBench(board: Board, parts: Parts) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-image-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const { graph, provides } = planPackages(project, ['tools/image', 'tools/emulator', 'tools/erofs']);
  const treeOf = (name: string) => {
    const planned = provides.get(name);
    if (!planned) throw new Error(`the tools ${name} were not planned`);
    return toolsOf(planned);
  };
  const tools = treeOf('tools/image');
  const copy = (id: string, inputs: Record<string, Input>, script: string, outputs: Task['outputs']) =>
    commandTask({ id, title: id, tools, inputs, script, outputs });
  const layers = Object.entries(parts.layers).map(([name, bytes]) => {
    const path = join(folder, `${name}.tar`);
    writeFileSync(path, bytes);
    return copy(`${name}:layer`, { layer: { from: 'project', path } }, 'cp in/layer out/layer\n', { layer: 'file' });
  });
  const boots = Object.entries(parts.boots).map(([name, files]) => {
    const inputs = Object.entries(files).map(([path, text]): [string, Input] => [
      `files/${path}`,
      { from: 'text', text },
    ]);
    return copy(`${name}:boot`, Object.fromEntries(inputs), 'cp -r in/files out/boot\n', { boot: 'tree' });
  });
  const image = planImage(
    board,
    layers.map((task) => ({ name: nameOf(task), ref: artifact(task.id, 'layer'), permissions: [] })),
    boots.map((task) => ({ name: nameOf(task), ref: artifact(task.id, 'boot') })),
    treeOf,
  );
  const tasks = [...graph.tasks.values(), ...layers, ...boots, ...image.tasks];
  const store = new Store(sharedStore);
  const tails: string[] = [];
  const builderOf = (more: readonly Task[], target: string): Builder => {
    const all = unwrap(createGraph([...tasks, ...more], [target as TaskId], graph.sandbox));
    return new Builder(all, {
      store,
      kinds: taskKinds,
      epoch: project.epoch,
      emit: (event) => {
        if (event.type === 'task-failed') tails.push(...event.tail);
      },
      signal: new AbortController().signal,
      logs: join(folder, 'logs'),
      failed: (id) => join(folder, 'failed', id.replaceAll('/', '+')),
      history: new History(join(folder, 'history.json')),
      times: new Times(join(folder, 'times.json')),
    });
  };
  return {
    image,
    /** Builds what a reference names; returns the path of its bytes. Throws what a user would be told, the end of the log included. */
    async path(ref: ImagePlan['image']): Promise<string> {
      const builder = builderOf([], ref.task);
      const result = await builder.build([ref.task]);
      if (!result.ok)
        throw new Failure(
          ...result.diagnostics.map((fault) => ({ ...fault, notes: [...(fault.notes ?? []), ...tails.map(note)] })),
        );
      return builder.path(ref);
    },
    /** Runs a task of the image again: what comes out different. */
    async differences(id: string): Promise<unknown[]> {
      const builder = builderOf([], id);
      const result = await builder.build([id as TaskId]);
      if (!result.ok) throw new Error([...result.diagnostics.map(formatDiagnostic), ...tails].join('\n'));
      const found = await builder.check(id as TaskId);
      await builder.close();
      return found;
    },
    /** Runs a script with the image's tools; returns the path of what it left as `out/found`. */
    async inspect(script: string, inputs: Record<string, Input>): Promise<string> {
      const task = copy('test:inspect', inputs, script, { found: 'file' });
      const builder = builderOf([task], task.id);
      const result = await builder.build([task.id]);
      if (!result.ok) throw new Error([...result.diagnostics.map(formatDiagnostic), ...tails].join('\n'));
      return builder.path(artifact(task.id, 'found'));
    },
  };
}

function note(message: string): { message: string } {
  return { message };
}

function nameOf(task: Task): string {
  return task.id.slice(0, task.id.lastIndexOf(':'));
}
