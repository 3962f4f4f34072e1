#!/usr/bin/env node
import type { Host } from './commands/context.ts';
import { Interrupted } from './commands/context.ts';
import { describeBug } from './commands/crash.ts';
import { pibuild } from './commands/program.ts';

/** The process around pibuild: signals in, exit code out. Nothing else ends the process. */

const words = process.argv.slice(2);
const { stdin, stdout, stderr, env } = process;

for (const stream of [stdout, stderr]) stream.on('error', quietWhenClosed);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, endWithBug);

const host: Host = { cwd: process.cwd(), env, stdin, stdout, stderr, signal: stopSignal() };
process.exit(await pibuild(words, host));

/** The first signal cancels, so that the work in hand ends cleanly; the second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const reason = new Interrupted(name);
      if (controller.signal.aborted) process.exit(reason.exitCode);
      controller.abort(reason);
    });
  }
  return controller.signal;
}

/**
 * Who reads our output stopped reading (`pibuild list | head`): end as SIGPIPE would have ended us. Or the terminal is gone:
 * as SIGHUP would have.
 */
function quietWhenClosed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(141);
  if (error.code === 'EIO') process.exit(129);
  throw error;
}

function endWithBug(error: unknown): void {
  stderr.write(`${describeBug(error, words)}\n`);
  process.exit(70);
}
