import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageKinds } from '../../../src/kinds/index.ts';
import { loadProject } from '../../../src/recipe/load.ts';

const root = resolve(import.meta.dirname, '../../..');
const project = loadProject({ folder: root, installation: root, kinds: packageKinds });

describe("pibuild's own recipes have no mistakes", () => {
  test.each(project.names('boards'))('board %s', (name) => {
    expect(project.board(name).summary).not.toBe('');
  });

  test.each(project.names('packages'))('package %s', (name) => {
    expect(project.package(name).summary).not.toBe('');
  });
});
