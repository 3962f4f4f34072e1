import { writeFileSync } from 'node:fs';
import { arch, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import packageFile from '../../package.json' with { type: 'json' };

/**
 * What a person is told about a bug: one line, and where the report is that we ask for. The report holds versions, the
 * words typed and the stack; nothing of the environment, which may hold secrets.
 */
export function describeBug(error: unknown, words: readonly string[]): string {
  const message = error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : inspect(error);
  const report = [
    `pibuild ${packageFile.version}, Node ${process.version}, Linux ${release()} ${arch()}`,
    `pibuild ${words.join(' ')}`,
    inspect(error, { depth: 6 }),
  ].join('\n\n');
  try {
    const path = join(tmpdir(), `pibuild-bug-${Date.now()}-${process.pid}.txt`);
    writeFileSync(path, `${report}\n`, { flag: 'wx', mode: 0o600 });
    return `pibuild: this is a bug: ${message}\n  report  ${path}`;
  } catch {
    return `pibuild: this is a bug: ${message}\n${report}`;
  }
}
