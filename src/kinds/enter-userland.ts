import type { Task } from '../graph/task.ts';
import { workFolder } from '../paths.ts';
import { commandTask } from './command.ts';
import { enterNamespace, FAKEROOT_INPUT, prelude } from './emulated-root.ts';
import type { ArtifactRef } from './kind.ts';
import { quote, script } from './script.ts';

/** Where the project's folder is while a userland is entered on the building machine, and where the sandbox has it. */
const PROJECT_FOLDER = '/project';
export const LENT_FOLDER = `${workFolder}/project`;

export interface Entering {
  readonly name: string;
  readonly root: ArtifactRef;
  readonly tools: ArtifactRef;
  readonly fakeroot: ArtifactRef;
  /** Empty: the user's shell. */
  readonly command: readonly string[];
}

/**
 * A task that is staged and run by hand, never built: unpacks a userland, mounts the project's folder in it and becomes the
 * command, so that terminal, stdin, signals and exit code are the command's own.
 */
export function enterTask({ name, root, tools, fakeroot, command }: Entering): Task {
  return commandTask({
    id: `${name}:enter`,
    title: `enter ${name}`,
    tools,
    inputs: {
      prelude: { from: 'text', text: prelude },
      make: { from: 'text', text: enterScript(command) },
      paths: { from: 'text', text: '' },
      root,
      [FAKEROOT_INPUT]: fakeroot,
    },
    outputs: {},
    namespaces: true,
    script: enterNamespace,
  });
}

function enterScript(command: readonly string[]): string {
  const words = command.map(quoteAny).join(' ');
  return script`
tar -x -C r -p --numeric-owner --xattrs --xattrs-include='*' -f in/root
lend
mkdir -p r${PROJECT_FOLDER}
mount --rbind ${LENT_FOLDER} r${PROJECT_FOLDER}
rm -f r/etc/resolv.conf
cat /etc/resolv.conf > r/etc/resolv.conf
set -- ${words}
if [ $# -eq 0 ]; then set -- /bin/bash -l; fi
exec env -u SOURCE_DATE_EPOCH -u DEBIAN_FRONTEND -u DEBCONF_NONINTERACTIVE_SEEN \
  HOME=/root USER=root LOGNAME=root SHELL=/bin/bash USERLAND="$NAME" \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
  chroot r /bin/sh -c 'cd ${PROJECT_FOLDER}; exec "$@"' sh "$@"
`;
}

/** Quoted even where that is not needed, since a word may be empty. */
function quoteAny(word: string): string {
  return word === '' ? "''" : quote(word);
}
