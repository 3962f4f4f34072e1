import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quote } from '../../src/kinds/script.ts';
import { install } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

/** util-linux's, which gives a program a terminal; nothing of pibuild needs it. */
const SCRIPT = '/usr/bin/script';
const ESCAPE = '\u001b';

test.skipIf(!isThere(SCRIPT))(
  "what is changed in busybox's own menu becomes a fragment, and nothing else does",
  async () => {
    const project = folderOf({ 'pibuild.yaml': '', 'boards/mine/board.yaml': 'board: mine\nextends: rpi3-minimal\n' });
    const fragment = join(project, 'found.config');
    const pibuild = await install();
    try {
      const words = ['menuconfig', 'busybox', '--board', 'mine', '--output', fragment];
      const command = ['env', 'TERM=xterm', ...pibuild.argv(words, project)].map(quote).join(' ');
      const menu = pibuild.run([SCRIPT, '-qec', `stty rows 40 cols 120; ${command}`, '/dev/null']);
      // The first letter of each line is a hot key, in a colour of its own: what is waited for begins behind it.
      await menu.until('oreutils');
      menu.type('+++\n');
      await menu.until('imezone');
      menu.type('++n');
      await menu.until(/\[ \]|\s\]/);
      menu.type(`${ESCAPE}${ESCAPE}`);
      await menu.until('rchival');
      menu.type(`${ESCAPE}${ESCAPE}`);
      await menu.until('save');
      menu.type('\n');
      expect(await menu.ended, menu.output()).toBe(0);
      expect(readFileSync(fragment, 'utf8')).toBe('# CONFIG_FEATURE_TIMEZONE is not set\n');
      expect(menu.output()).toContain('CONFIG_FEATURE_TIMEZONE: y -> n');
    } finally {
      pibuild.remove();
    }
  },
);

function isThere(program: string): boolean {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
