import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostMirrorSources } from '../archive/host.ts';
import { mirrorsOf } from '../archive/mirror.ts';
import { openTransfer } from '../archive/transfer.ts';
import { capture } from '../build/command.ts';
import { diskProblem, emulationProblem, memoryProblem, sandboxProblem, userNamespaceProblem } from '../build/host.ts';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

/** Looks at all that pibuild needs of the machine, and prints the fix for what is missing. */
export async function run(context: Context, _call: Call): Promise<number> {
  const findings = [
    of('Node', `Node ${process.versions.node}`, nodeProblem()),
    of('machine', `${process.platform} on ${process.arch}`, machineProblem()),
    of('user namespaces', 'sandboxes can be made', userNamespaceProblem() ?? (await triedNamespace())),
    of('emulation', 'arm64 programs run in sandboxes', emulationProblem()),
    of('store', `${context.store.root} can be written to`, storeProblem(context.store.root)),
    of('disk', 'enough room for a first build', roomProblem(context.store.root)),
    of('memory', 'enough for the processors', memoryProblem()),
    await mirrorFinding(context.signal),
  ];
  for (const finding of findings) print(context, finding);
  return findings.some(({ problem }) => problem?.severity === 'error') ? exitCodes.failed : exitCodes.ok;
}

interface Finding {
  readonly subject: string;
  /** What is said when all is well. */
  readonly well: string;
  readonly problem: Diagnostic | undefined;
}

function of(subject: string, well: string, problem: Diagnostic | undefined): Finding {
  return { subject, well, problem };
}

function print({ stdout, options }: Context, { subject, well, problem }: Finding): void {
  if (options.json) {
    stdout.write(
      `${JSON.stringify({ subject, state: problem?.severity ?? 'ok', message: problem?.message ?? well, hint: problem?.hint })}\n`,
    );
    return;
  }
  const mark = problem === undefined ? 'ok' : problem.severity;
  stdout.write(`${mark.padEnd(8)} ${subject}: ${problem?.message ?? well}\n`);
  if (problem?.hint !== undefined) stdout.write(`${' '.repeat(9)}${problem.hint}\n`);
}

function nodeProblem(): Diagnostic | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return error('host/node', `this is Node ${process.versions.node}`, 'install Node 20.19 or later');
}

function machineProblem(): Diagnostic | undefined {
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  const message = `pibuild's tools run on 64-bit x86 Linux, and this is ${process.platform} on ${process.arch}`;
  return error('host/machine', message, 'build on an amd64 Linux machine');
}

function storeProblem(root: string): Diagnostic | undefined {
  try {
    mkdirSync(root, { recursive: true });
    accessSync(root, constants.W_OK);
    return undefined;
  } catch (problem) {
    const hint = 'set PIBUILD_STORE to a folder that you can write to';
    return error('host/store', `${root} cannot be written to (${(problem as NodeJS.ErrnoException).code})`, hint);
  }
}

/** The room in the filesystem where the store is, or will be. */
function roomProblem(root: string): Diagnostic | undefined {
  let folder = root;
  while (!existsSync(folder)) folder = dirname(folder);
  return diskProblem(folder);
}

/** Asks each of Debian's mirrors for the Release file that the tools come from; compares its clock with ours. */
async function mirrorFinding(signal: AbortSignal): Promise<Finding> {
  const reasons: string[] = [];
  const transfer = await openTransfer({ connect: 5_000, stall: 10_000 });
  try {
    for (const { url, namedBy, snapshot } of mirrorsOf('debian', hostMirrorSources())) {
      if (snapshot) continue;
      const answer = await transfer.open(`${url}dists/trixie/InRelease`, 0, signal);
      if (answer.type === 'bytes') {
        const skew = clockProblem(await beginning(answer.body), answer.clock);
        return of('mirror', `${url} answers (named by ${namedBy})`, skew);
      }
      reasons.push(`${url} (named by ${namedBy}): ${'reason' in answer ? answer.reason : answer.type}`);
    }
    const message = `no mirror of Debian answers: ${reasons.join('; ')}`;
    return of('mirror', '', error('host/mirror', message, 'set PIBUILD_DEBIAN_MIRROR to the URL of one that does'));
  } catch (problem) {
    if (!(problem instanceof Failure)) throw problem;
    return of('mirror', '', problem.diagnostics[0]);
  } finally {
    await transfer.close();
  }
}

async function beginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) {
    pieces.push(piece);
    if (pieces.reduce((sum, { length }) => sum + length, 0) > 4096) break;
  }
  return Buffer.concat(pieces).toString('latin1');
}

/** Hours that a clock may be wrong by before it matters: signatures and indices are valid for days. */
const CLOCK_TOLERANCE = 3_600_000;

/**
 * A Release file dated in the future, or a server whose clock says something else, means that this machine's clock is wrong,
 * and signatures will not be believed.
 */
export function clockProblem(release: string, server: number | undefined, now = Date.now()): Diagnostic | undefined {
  const date = Date.parse(/^Date: (.*)$/m.exec(release)?.[1] ?? '');
  const hint = 'set the clock: as root, `timedatectl set-ntp true`, or `date -s`';
  const here = `the clock says ${new Date(now).toISOString()}`;
  if (server !== undefined && Math.abs(server - now) > CLOCK_TOLERANCE) {
    return error('host/clock', `${here}, and the mirror's ${new Date(server).toISOString()}`, hint);
  }
  if (Number.isNaN(date) || date < now + CLOCK_TOLERANCE) return undefined;
  return error('host/clock', `${here}, but the mirror's newest release is from ${new Date(date).toISOString()}`, hint);
}

/** Makes a user namespace with util-linux's `unshare`, where that is there: a container may forbid what the kernel allows. */
async function triedNamespace(): Promise<Diagnostic | undefined> {
  try {
    await capture(['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', 'true']);
    return undefined;
  } catch (problem) {
    const said = problem instanceof Failure ? problem.message : String(problem);
    // A machine without `unshare` has no less a kernel; the first sandbox will tell.
    return /ENOENT/.test(said) ? undefined : sandboxProblem([`bwrap: ${said}`]);
  }
}

function error(code: string, message: string, hint: string): Diagnostic {
  return { severity: 'error', code, message, hint };
}
