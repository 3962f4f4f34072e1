import type { BuildOptions } from '../build/builder.ts';
import type { Emit } from '../build/event.ts';
import { History } from '../build/history.ts';
import { Store } from '../build/store.ts';
import { Times } from '../build/times.ts';
import { Failure } from '../diagnostic.ts';
import { digestOf } from '../graph/reapi.ts';
import { packageKinds, taskKinds } from '../kinds/index.ts';
import { installation, ProjectPaths } from '../paths.ts';
import { loadProject } from '../recipe/load.ts';
import type { Board, Package, Project } from '../recipe/model.ts';
import { type RecipeValues, recipeValues } from '../recipe/values.ts';
import type { Context } from './context.ts';
import { openMemo } from './memo-file.ts';

/** The project around the working folder, or the one that `--project` names. */
export function openProject(context: Context): Project {
  const file = context.store.recipes(digestOf(context.folder).hash.slice(0, 16));
  return loadProject({ folder: context.folder, installation, kinds: packageKinds, memo: openMemo(file) });
}

/**
 * What the builder is given by a verb. `name` is what the logs and the history are kept under: a board, or a verb that
 * builds for itself.
 */
export function buildOptions(context: Context, project: Project, name: string, emit: Emit): BuildOptions {
  const store = new Store(context.store.root, (entry) => emit({ type: 'store-damaged', at: Date.now(), entry }));
  const { jobs, load, keepGoing, offline } = context.options;
  const key = digestOf(project.root).hash.slice(0, 16);
  return {
    store,
    kinds: taskKinds,
    epoch: project.epoch,
    emit,
    signal: context.signal,
    logs: new ProjectPaths(project.root).logs(name),
    failed: (task) => context.store.failed(key, `${name}.${task}`),
    history: new History(context.store.history(key, name)),
    times: new Times(context.store.times),
    keepGoing,
    offline,
    recipes: recipesOf(project, name),
    folder: context.folder,
    explain: context.options.explain,
    ...(load !== undefined && { load }),
    ...(jobs !== undefined && { jobs }),
  };
}

/** Of a task, what the recipes of its package and of the board say. Recipes that are read already are not read again. */
function recipesOf(project: Project, board: string): NonNullable<BuildOptions['recipes']> {
  const known = new Map<string, RecipeValues | undefined>();
  const valuesOf = (name: string, recipe: () => Board | Package): RecipeValues | undefined => {
    if (!known.has(name)) known.set(name, readable(recipe));
    return known.get(name);
  };
  return (task) => {
    const owner = task.slice(0, task.indexOf(':'));
    const own = owner === board ? undefined : valuesOf(`package ${owner}`, () => project.package(owner));
    const boards = valuesOf(`board ${board}`, () => project.board(board));
    return [own, boards].map((values) => values ?? nothing);
  };
}

const nothing = recipeValues({}, () => ({ file: '', line: 0, column: 0 }));

function readable(recipe: () => Board | Package): RecipeValues | undefined {
  try {
    const read = recipe();
    return recipeValues(read.recipe, read.at);
  } catch (error) {
    // Not all that is built has a recipe of its own: a verb builds for itself.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
