import { readFileSync } from 'node:fs';
import { Builder } from '../build/builder.ts';
import { didYouMean, fail } from '../diagnostic.ts';
import { planBoard } from '../plan.ts';
import type { Service } from '../recipe/model.ts';
import { serviceKeys } from '../recipe/service.ts';
import { table } from '../report/format.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints the config.json of a service of a board, and which lines of which recipes its permissions come from. */
export async function run(context: Context, call: Call<{ config?: boolean }>): Promise<number> {
  const [word, name = '', serviceName = ''] = call.arguments;
  if (word !== 'show') throw fail('cli/arguments', `'oci ${word}' is nothing that there is`, 'oci show BOARD SERVICE');
  const project = openProject(context);
  const { board, graph, services } = planBoard(project, name);
  const service = board.services.find((each) => each.name === serviceName);
  const plan = services.find((each) => each.name === serviceName);
  if (service === undefined || plan === undefined) {
    const names = board.services.map((each) => each.name);
    const hint = didYouMean(serviceName, names) ?? (names.length > 0 ? `it has ${names.join(', ')}` : 'it has none');
    throw fail('oci/no-service', `board '${name}' has no service '${serviceName}'`, hint);
  }
  // What is printed is for other programs, too.
  const reporter = openReporter({ ...context, stdout: context.stderr }, name);
  const builder = new Builder(graph, buildOptions(context, project, name, reporter.emit));
  try {
    const { ok } = await builder.build([plan.config.task]);
    if (!ok) return exitCodes.failed;
    const text = readFileSync(await builder.path(plan.config), 'utf8');
    reporter.close();
    const origins = originsOf(service);
    if (context.options.json) context.stdout.write(`${JSON.stringify({ config: JSON.parse(text), origins })}\n`);
    else context.stdout.write(call.options.config ? text : `${text}\n${formatOrigins(origins)}`);
    return exitCodes.ok;
  } finally {
    reporter.close();
    await builder.close();
  }
}

/** A value of a service, and the line that says it. */
interface Origin {
  readonly key: string;
  readonly value: string;
  /** `file:line` */
  readonly at: string;
}

/** Every key that a recipe gives, in the schema's order: of lists each entry. */
function originsOf({ recipe, at }: Service): Origin[] {
  const values = recipe as Readonly<Record<string, unknown>>;
  // What is added is in the list that it was added to.
  const keys = Object.keys(serviceKeys).filter((key) => values[key] !== undefined && !key.endsWith('.add'));
  return keys.flatMap((key) => {
    const value = values[key];
    const entries =
      Array.isArray(value) && key !== 'command'
        ? value.map((each, index) => ({ each, path: [key, index] }))
        : [{ each: value, path: [key] }];
    return entries.map(({ each, path }) => {
      const { file, line } = at(...path);
      return { key, value: typeof each === 'string' ? each : JSON.stringify(each), at: `${file}:${line}` };
    });
  });
}

function formatOrigins(origins: readonly Origin[]): string {
  const rows = origins.map(({ key, value, at }) => [key, value, at]);
  const lines = table(rows).map((line) => `  ${line}\n`);
  return `Given by the recipes (all else is the image's, or nobody's):\n${lines.join('')}`;
}
