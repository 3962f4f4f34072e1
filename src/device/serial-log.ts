import { createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { fail } from '../diagnostic.ts';

/** A file that gets every byte of a serial console. */
export interface SerialLog {
  /** Absolute. */
  readonly path: string;
  /** Writes a line of ours between the console's. */
  note(line: string): void;
  /** Finishes the file. */
  close(): Promise<void>;
}

/**
 * Writes what a console prints to a file, from now on; `change` may put single characters for others. A log that cannot be written any more is told once, and the
 * console goes on. Throws a `Failure` when it cannot even be made.
 */
export async function keepSerialLog(
  console: Readable,
  path: string,
  onProblem: (message: string) => void,
  change?: (text: string) => string,
): Promise<SerialLog> {
  await makeFile(path);
  const log = createWriteStream(path);
  let broken = false;
  const finished = new Promise<void>((resolve) => log.on('close', resolve));
  log.on('error', (error) => {
    broken = true;
    onProblem(`the serial log cannot be written any more: ${error.message}`);
  });
  const write = (bytes: Buffer | string): void => {
    if (!broken) log.write(bytes);
  };
  // As latin1, in which every byte is a character, so that no character is cut in two.
  console.on('data', (chunk: Buffer) =>
    write(change ? Buffer.from(change(chunk.toString('latin1')), 'latin1') : chunk),
  );
  return {
    path,
    note: (line) => write(`\r\n--- ${line}\r\n`),
    close: async () => {
      log.end();
      await finished;
    },
  };
}

async function makeFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, 'w')).close();
  } catch (error) {
    throw fail('device/serial-log', `the serial log cannot be written: ${(error as Error).message}`);
  }
}
