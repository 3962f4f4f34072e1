import type { Task, TaskGraph, TaskId } from '../../src/graph/task.ts';
import { packageKinds } from '../../src/kinds/index.ts';
import { type BoardPlan, planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { Project } from '../../src/recipe/model.ts';
import { folderOf } from './recipes.ts';
import { checkout } from './tools.ts';

/** What `.modinfo` of a .ko may say; what is absent it does not say. */
export type Said = Readonly<Record<string, string | readonly string[]>>;

const LITTLE_64: readonly number[] = [2, 1, 1];

/** An object file with one section of use: `.modinfo` with these fields. `machine` is e_machine; 183 is arm64. */
export function koOf(said: Said, machine = 183): Buffer {
  const fields = Object.entries(said).flatMap(([key, value]) =>
    (typeof value === 'string' ? [value] : value).map((each) => `${key}=${each}\0`),
  );
  const modinfo = Buffer.from(fields.join(''));
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  Buffer.from(LITTLE_64).copy(header, 4);
  header.writeUInt16LE(1, 0x10);
  header.writeUInt16LE(machine, 0x12);
  header.writeBigUInt64LE(BigInt(64 + modinfo.length + names.length), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(3, 0x3c);
  header.writeUInt16LE(2, 0x3e);
  const sections = [
    sectionHeader(0, 0, 0, 0),
    sectionHeader(1, 1, 64, modinfo.length),
    sectionHeader(10, 3, 64 + modinfo.length, names.length),
  ];
  return Buffer.concat([header, modinfo, names, ...sections]);
}

function sectionHeader(name: number, type: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(name, 0);
  header.writeUInt32LE(type, 4);
  header.writeBigUInt64LE(BigInt(offset), 0x18);
  header.writeBigUInt64LE(BigInt(size), 0x20);
  return header;
}

/** A project with these files over pibuild's own recipes. */
export function projectWith(files: Readonly<Record<string, string>>): Project {
  const folder = folderOf({ 'pibuild.yaml': '', ...files });
  return loadProject({ folder, installation: checkout, kinds: packageKinds });
}

/** The plan of a board `small` of these lines, with these files besides. */
export function planSmall(board: string, files: Readonly<Record<string, string>> = {}): BoardPlan {
  const recipe = `board: small\nkernel: {package: linux, fragments: [base.config]}\n${board}`;
  return planBoard(projectWith({ 'boards/small/board.yaml': recipe, ...files }), 'small');
}

/** A task of a graph; throws when there is none. */
export function taskOf(graph: TaskGraph, id: string): Task {
  const task = graph.tasks.get(id as TaskId);
  if (task === undefined) throw new Error(`no task ${id}`);
  return task;
}

/** The recipe of a package `<name>` of kernel modules, with further lines. */
export function moduleRecipe(name: string, more = ''): string {
  return `package: ${name}\nkind: kernel-module\n${more}`;
}
