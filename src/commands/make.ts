import { type BuildResult, build } from '../build/builder.ts';
import type { Emit } from '../build/event.ts';
import { Store } from '../build/store.ts';
import { Failure, fail, unwrap } from '../diagnostic.ts';
import { findTask } from '../graph/graph.ts';
import type { Artifact, Digest } from '../graph/task.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { ProjectPaths } from '../paths.ts';
import { type BoardPlan, planBoard } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { table } from '../report/format.ts';
import type { Context } from './context.ts';
import { publish } from './publish.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Builds a board's image and leaves it in `output/<board>/`, or only the tasks named. */
export async function run(context: Context, call: Call): Promise<number> {
  const [name, ...tasks] = call.arguments;
  const project = openProject(context);
  if (name === undefined) return listBoards(context, project);
  const plan = planBoard(project, name);
  const targets = tasks.length > 0 ? tasks.map((task) => unwrap(findTask(plan.graph, task)).id) : plan.graph.targets;
  const reporter = openReporter(context, name);
  try {
    const result = await build(plan.graph, targets, buildOptions(context, project, name, reporter.emit));
    if (result.ok && tasks.length === 0) await leaveResults(context, project, plan, result, reporter.emit);
    return result.ok ? exitCodes.ok : exitCodes.failed;
  } finally {
    reporter.close();
  }
}

async function leaveResults(context: Context, project: Project, plan: BoardPlan, result: BuildResult, emit: Emit) {
  const { name: board } = plan.board;
  const { image, bmap, manifest } = plan.image;
  const results = {
    image: artifactOf(result, image),
    bmap: artifactOf(result, bmap),
    manifest: artifactOf(result, manifest),
  };
  const store = new Store(context.store.root, (entry) => emit({ type: 'store-damaged', at: Date.now(), entry }));
  const published = await publish(results, board, new ProjectPaths(project.root), (digest) => blobOf(store, digest));
  emit({ type: 'image-ready', at: Date.now(), board, ...published });
}

function artifactOf(result: BuildResult, ref: ArtifactRef): Artifact {
  const artifact = result.artifacts.get(ref.task)?.[ref.artifact];
  if (artifact === undefined) throw new Error(`${ref.task} left no ${ref.artifact}`);
  return artifact;
}

async function blobOf(store: Store, digest: Digest): Promise<string> {
  const path = await store.blob(digest);
  if (path !== undefined) return path;
  throw fail('store/lost', 'a result was damaged right after it was found', 'run the same command again');
}

/** Without a board: which there are, with what is wrong with those that cannot be read. */
function listBoards(context: Context, project: Project): number {
  const rows = project.names('boards').map((name) => ['  ', name, summaryOf(project, name)]);
  const none = 'there is no board yet: make a folder below boards/ with a board.yaml';
  const text = rows.length === 0 ? none : ['which board?', ...table(rows)].join('\n');
  context.stderr.write(`${text}\n`);
  return exitCodes.usage;
}

function summaryOf(project: Project, name: string): string {
  try {
    return project.board(name).summary;
  } catch (error) {
    if (error instanceof Failure) return `(${error.diagnostics[0]?.message})`;
    throw error;
  }
}
