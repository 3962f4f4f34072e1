import { run } from '../build/command.ts';
import { type Bind, baseEnvironment, type Sandbox, sandboxed } from '../build/sandbox.ts';
import { fail } from '../diagnostic.ts';

/** The tools trees that the emulated board needs, unpacked. */
export interface DeviceTools {
  /** With bubblewrap. */
  readonly bubblewrap: string;
  /** With mtools. */
  readonly image: string;
  /** With QEMU and qemu-img. */
  readonly emulator: string;
}

/** The folder of the sandbox below which an image and its files are bound. */
export const INSIDE = '/run/board';

/** A sandbox for a tool of the emulated board. */
export function deviceSandbox(
  tools: DeviceTools,
  root: 'image' | 'emulator',
  binds: readonly Bind[],
  network = false,
): Sandbox {
  return {
    bubblewrap: tools.bubblewrap,
    root: tools[root],
    binds,
    environment: baseEnvironment,
    folder: '/tmp',
    network,
  };
}

/** Runs a tool to its end and returns the lines it printed. Throws a `Failure` with what it said when it fails. */
export async function runTool(
  sandbox: Sandbox,
  command: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const ended = await run({ argv: sandboxed(sandbox, command), signal, onLine: (line) => lines.push(line) });
  signal.throwIfAborted();
  if (ended.code === 0) return lines;
  const said = lines.join(' ').trim() || `exit code ${ended.code}`;
  const hint = /No space left on device/.test(said) ? 'make room on the disk that holds output/' : undefined;
  throw fail('device/tool', `${command[0]} failed: ${said}`, hint);
}
