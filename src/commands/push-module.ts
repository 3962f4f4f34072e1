import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Builder } from '../build/builder.ts';
import { findRunning, sshTarget } from '../device/running.ts';
import { NO_CONNECTION, overSsh, parseTarget, type SshOptions, type Target } from '../device/ssh.ts';
import { fail } from '../diagnostic.ts';
import { plainTar } from '../image/oci.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { quote, script } from '../kinds/script.ts';
import { moduleKey } from '../module/module-info.ts';
import { ProjectPaths } from '../paths.ts';
import { planPackages } from '../plan.ts';
import { type BuiltModules, buildModule } from './build-module.ts';
import type { Context } from './context.ts';
import { DEFAULT_BOARD } from './module.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

export interface PushOptions {
  readonly board?: string;
  /** A board on the network instead of the emulated one. */
  readonly host?: string;
  readonly identity?: string;
}

/** Loads rebuilt modules into a board that is on: out with the old ones, in with the new ones, and what the kernel said. */
export async function run(context: Context, { arguments: words, options }: Call<PushOptions>): Promise<number> {
  const [word = '', ...parameters] = words;
  const { board = DEFAULT_BOARD } = options;
  checkParameters(parameters);
  const target = options.host === undefined ? runningTarget(context, board) : parseTarget(options.host);
  const built = await buildModule(context, word, { board });
  if (built === undefined) return exitCodes.failed;
  return withSsh(context, board, async (tools, folder) => {
    const archive = join(folder, 'modules.tar');
    writeFileSync(
      archive,
      plainTar(
        built.modules.map(({ name, bytes }) => ({ path: `${name}.ko`, bytes })),
        0,
      ),
    );
    const ssh: SshOptions = {
      tools,
      target,
      ...(options.identity !== undefined && { identity: resolve(context.cwd, options.identity) }),
      environment: context.env,
      signal: context.signal,
      onLine: (line) => context.stdout.write(`${line}\n`),
    };
    return await push(context, ssh, {
      script: pushScript(built, parameters),
      archive,
      emulated: options.host === undefined,
    });
  });
}

function checkParameters(parameters: readonly string[]): void {
  for (const parameter of parameters) {
    if (/^\w+(=.*)?$/.test(parameter)) continue;
    throw fail('cli/parameter', `'${parameter}' is no parameter of a module`, 'write them like chip_addr=0x48,0x49');
  }
}

/** The emulated board of this project that was started last. */
function runningTarget(context: Context, board: string): Target {
  const { root } = openProject(context);
  const running = findRunning(new ProjectPaths(root).output(board));
  const [first] = running.flatMap(({ forwards }) => sshTarget(forwards) ?? []);
  if (first) return first;
  if (running.length > 0) throw fail('device/no-ssh', `no port leads to the SSH of the emulated '${board}'`);
  const hint = `start it with \`pibuild run ${board}\`, or name a board on the network: --host root@192.168.1.7`;
  throw fail('device/not-running', `board '${board}' is not on`, hint);
}

/** The tools' ssh, and a folder for what it sends. */
async function withSsh(
  context: Context,
  board: string,
  action: (tools: SshOptions['tools'], folder: string) => Promise<number>,
): Promise<number> {
  const project = openProject(context);
  const trees = ['tools/bootstrap', 'tools/emulator'] as const;
  const { graph, provides } = planPackages(project, trees);
  const reporter = openReporter({ ...context, options: { ...context.options, quiet: true } }, board);
  const options = buildOptions(context, project, board, reporter.emit);
  const builder = new Builder(graph, options);
  const folder = options.store.temporary('push');
  try {
    const path = (name: string) => builder.path(provides.get(name)?.tools as ArtifactRef);
    const tools = { bubblewrap: await path(trees[0]), emulator: await path(trees[1]) };
    mkdirSync(folder, { recursive: true });
    return await action(tools, folder);
  } finally {
    reporter.close();
    await builder.close();
    await options.store.discard(folder);
  }
}

/** An emulated board that is still starting lets nobody in for a while. */
const PATIENCE = { times: 20, pause: 3000 };

interface Push {
  readonly script: string;
  readonly archive: string;
  readonly emulated: boolean;
}

async function push(context: Context, ssh: SshOptions, { script, archive, emulated }: Push): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const lines: string[] = [];
    const code = await overSsh({ ...ssh, onLine: (line) => lines.push(line) }, script, archive);
    const starting =
      emulated && code === NO_CONNECTION && lines.some((line) => /reset|refused|closed|timed out/i.test(line));
    if (starting && attempt < PATIENCE.times) {
      if (attempt === 1) context.stderr.write('waiting for the board to let us in\n');
      await setTimeout(PATIENCE.pause, undefined, { signal: context.signal });
      continue;
    }
    if (code === NO_CONNECTION) throw noConnection(ssh.target, lines);
    for (const line of lines) ssh.onLine(line);
    return code === 0 ? exitCodes.ok : exitCodes.failed;
  }
}

function noConnection({ user, address, port }: Target, lines: readonly string[]): Error {
  const said = lines.filter((line) => line.trim() !== '').join('; ');
  const hint = /denied/i.test(said)
    ? 'the board lets in who has a key of its `sshKeys`: --identity names the file of one'
    : undefined;
  return fail('device/ssh', `cannot get into ${user}@${address}:${port}: ${said || 'no answer'}`, hint);
}

/**
 * What the board does: takes out what is loaded, the last first, puts in what it got, and prints the kernel's words since.
 * `insmod` knows nothing of modprobe.d and of what a module needs, so both are looked up.
 */
export function pushScript({ modules, name }: BuiltModules, parameters: readonly string[]): string {
  const keys = modules.map((module) => moduleKey(module.name));
  const release = modules[0]?.vermagic.split(' ')[0] ?? '';
  const own = new Set(keys);
  const needs = [...new Set(modules.flatMap(({ depends }) => depends))].filter((each) => !own.has(moduleKey(each)));
  return script`
set -e
umask 077
folder=/run/pibuild/modules
mkdir -p $folder
tar -x -C $folder
cd $folder
if [ "$(uname -r)" != ${quote(release)} ]; then
  echo "the board runs Linux $(uname -r), and the modules are for ${release}: make its image anew" >&2
  exit 1
fi
mark="pibuild: push ${name} $$"
echo "$mark" > /dev/kmsg
said() { dmesg | sed -n "\|$mark|,\$p" | sed '1d; /^$/d; s/^/  /'; }
options() { sed -n "s/^options $1 //p" /etc/modprobe.d/*.conf 2>/dev/null | sed -E 's/(^| )('"$2"')=("[^"]*"|[^ ]*)//g; s/[$\`]/\\&/g'; }
for module in ${[...keys].reverse().join(' ')}; do
  [ -e /sys/module/$module/initstate ] || continue
  echo "rmmod $module"
  rmmod $module || { said; exit 1; }
done
${needs.map((each) => `modprobe ${quote(each)}`).join('\n')}
${modules.map((module, index) => insert(module.name, index === modules.length - 1 ? parameters : [])).join('\n')}
said
`;
}

/** A parameter of the command line takes the place of the board's. */
function insert(module: string, parameters: readonly string[]): string {
  const more = parameters.map((parameter) => ` ${quote(parameter)}`).join('');
  const names = parameters.map((parameter) => parameter.replace(/=.*$/s, ''));
  return `eval "set -- $(options ${moduleKey(module)} '${names.join('|') || '-'}')"
set -- "$@"${more}
echo "insmod ${module}.ko $*"
insmod ${module}.ko "$@" || { said; exit 1; }`;
}
