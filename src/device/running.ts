import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../build/names.ts';
import type { Forward } from './forward.ts';
import type { Target } from './ssh.ts';

/** What other commands need to know of a board that `pibuild run` has on: a file beside its image, while it is on. */
export interface RunningBoard {
  /** Of the pibuild that runs it. */
  readonly pid: number;
  /** When that process was started, in the kernel's own count: a number may be given to another process later. */
  readonly started: string;
  readonly forwards: readonly Forward[];
}

/** Where SSH gets into a board with these forwards, as root; undefined when none leads there. */
export function sshTarget(forwards: readonly Forward[]): Target | undefined {
  const forward = forwards.find(({ guest, protocol }) => guest === 22 && protocol === 'tcp');
  if (forward === undefined) return undefined;
  const address = forward.address === '0.0.0.0' ? '127.0.0.1' : forward.address;
  return { user: 'root', address, port: forward.host };
}

const FILE = /^\.running-(\d+)\.json$/;
const SOCKET = /^\.running-(\d+)\.sock$/;

/** The socket at which the pibuild with this number listens (`control.ts`), in the board's folder. */
export function socketName(pid: number): string {
  return `.running-${pid}.sock`;
}

/** Writes down that this process runs a board; `output` is the board's folder. Gives what takes it back. */
export function rememberRunning(output: string, forwards: readonly Forward[]): () => void {
  const file = join(output, `.running-${process.pid}.json`);
  const running: RunningBoard = { pid: process.pid, started: startOf(process.pid) ?? '', forwards };
  try {
    writeFileSync(file, `${JSON.stringify(running)}\n`);
  } catch {
    // On a full disk, say: the board runs all the same, only other commands will not find it.
  }
  return () => rmSync(file, { force: true });
}

/** The boards that are on, of those with this folder: the one started last comes first. What the dead left is removed. */
export function findRunning(output: string): RunningBoard[] {
  const all = namesIn(output);
  const names = all.filter((name) => FILE.test(name));
  for (const name of all) {
    const pid = SOCKET.exec(name)?.[1];
    if (pid !== undefined && startOf(Number(pid)) === undefined) rmSync(join(output, name), { force: true });
  }
  const found = names.flatMap((name): RunningBoard[] => {
    const file = join(output, name);
    const running = read(file);
    if (running !== undefined && running.started === startOf(running.pid)) return [running];
    rmSync(file, { force: true });
    return [];
  });
  return found.sort((a, b) => Number(b.started) - Number(a.started));
}

function read(file: string): RunningBoard | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // It was removed, or is not whole.
    return undefined;
  }
}

/** proc(5): field 22 of stat, behind the name in parentheses, which may hold anything. Undefined: there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
