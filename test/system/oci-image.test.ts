import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/build/command.ts';
import { throughLoader } from '../../src/build/sandbox.ts';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { encodeHeader, endOfArchive, noXattrs } from '../../src/image/tar.ts';
import { fileSource, tarMembers } from '../../src/image/tar-reader.ts';
import { imageIn } from '../../src/kinds/service-bundle.ts';
import { blobPath } from '../../src/oci/layout.ts';
import { digestOf } from '../../src/oci/manifest.ts';
import { OCI_LAYER } from '../../src/oci/media-types.ts';
import { parseImageLock } from '../../src/recipe/lock.ts';
import { imageOf } from '../helpers/oci.ts';
import { push, type RunningRegistry, startRegistry, writeLayout } from '../helpers/registry.ts';
import { runPibuild, serviceLayout } from '../helpers/services.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

/** Images that lie beside a recipe, in every form that skopeo writes, and Dockerfiles that begin with one of a registry. */

let tree = '';
let project = '';
let registry: RunningRegistry;
let layer: Buffer = Buffer.alloc(0);

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  writeFileSync(join(project, 'pibuild.yaml'), 'project: images\n');
  const built = await buildWith(['tools/registry'], (provides) => ({
    tasks: [],
    target: toolsOf(provides('tools/registry')).task,
  }));
  tree = await built.output('tools/registry:unpack', 'tree');
  registry = await startRegistry({ tree, folder: join(project, 'registry') });
  layer = ownedLayer();
  const image = imageOf(layer, { config: { Cmd: ['/bin/app'] } });
  writeLayout(join(project, 'source'), '1.0', image.manifest, [image.layer, image.config]);
}, 300_000);
afterAll(async () => {
  await registry?.stop();
  rmSync(project, { recursive: true, force: true });
});

/** A layer with somebody's files: what an ordinary user cannot unpack as they are. */
function ownedLayer(): Buffer {
  const common = { target: '', xattrs: noXattrs, size: 0, uid: 0, gid: 0 };
  return Buffer.concat([
    encodeHeader({ ...common, path: 'home', type: 'folder', mode: 0o755 }, 1),
    encodeHeader({ ...common, path: 'home/me', type: 'folder', mode: 0o700, uid: 1000, gid: 100 }, 1),
    encodeHeader({ ...common, path: 'home/me/empty', type: 'file', mode: 0o600, uid: 1000, gid: 100 }, 1),
    endOfArchive,
  ]);
}

function service(name: string, recipe: string, files: Readonly<Record<string, string | Buffer>> = {}): string {
  const folder = join(project, 'packages', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.yaml'), `package: ${name}\nkind: service\n${recipe}\n`);
  for (const [path, bytes] of Object.entries(files)) writeFileSync(join(folder, path), bytes);
  return folder;
}

async function skopeo(...words: readonly string[]): Promise<void> {
  const lines: string[] = [];
  const argv = [...throughLoader(tree, 'usr/bin/skopeo'), '--insecure-policy', '--tmpdir', project, 'copy', ...words];
  const ended = await run({ argv, signal: new AbortController().signal, onLine: (line) => lines.push(line) });
  if (ended.code !== 0) throw new Error(lines.join('\n'));
}

async function told(name: string): Promise<string> {
  const { told: diagnostics } = await serviceLayout(project, name);
  return diagnostics.map(formatDiagnostic).join('\n');
}

test('a folder, an archive, a compressed one and what docker save writes are the same image', async () => {
  const from = `oci:${join(project, 'source')}:1.0`;
  const folder = service('folder', 'oci: image');
  await skopeo(from, `oci:${join(folder, 'image')}:1.0`);
  const archive = service('archive', 'oci: ./image.tar:1.0');
  await skopeo('--dest-compress-format=zstd', from, `oci-archive:${join(archive, 'image.tar')}:1.0`);
  expect(readFileSync(join(archive, 'image.tar')).includes(Buffer.from('28b52ffd', 'hex'))).toBe(true);
  const zipped = service('zipped', 'oci: image.tar.gz');
  writeFileSync(join(zipped, 'image.tar.gz'), gzipSync(readFileSync(join(archive, 'image.tar'))));
  const docker = service('docker', 'oci: image.tar');
  await skopeo(from, `docker-archive:${join(docker, 'image.tar')}:app:1.0`);
  const made: (readonly [string, readonly unknown[], string])[] = [];
  for (const name of ['folder', 'archive', 'zipped', 'docker']) {
    const { path, told: diagnostics } = await serviceLayout(project, name);
    made.push([name, diagnostics, path === '' ? '' : layersOf(path)]);
  }
  const whole = JSON.stringify([[digestOf(layer), ['/bin/app']]]);
  expect(made).toEqual(['folder', 'archive', 'zipped', 'docker'].map((name) => [name, [], whole]));
}, 300_000);

function layersOf(path: string): string {
  const { config, layers } = imageIn(path, 'image');
  return JSON.stringify(layers.map(({ diffId }) => [diffId, config.cmd]));
}

test.each<[string, () => string, RegExp]>([
  [
    'is no archive',
    () => service('bad', 'oci: image.tar', { 'image.tar': 'text' }),
    /^error: image 'image\.tar' is no tar archive: /,
  ],
  [
    'has a blob with other bytes',
    () => {
      const folder = service('bad', 'oci: image');
      cpSync(join(project, 'source'), join(folder, 'image'), { recursive: true });
      writeFileSync(join(folder, 'image', blobPath(digestOf(layer))), 'other');
      return folder;
    },
    /^error: image 'image' has a blob sha256:[0-9a-f]{64} whose bytes have the digest sha256:/,
  ],
  [
    'has a layer that is not the one of its config',
    () => {
      const folder = service('bad', 'oci: image');
      const image = imageOf(gzipSync(layer), { layerType: `${OCI_LAYER}+gzip`, diffId: `sha256:${'0'.repeat(64)}` });
      writeLayout(join(folder, 'image'), '1', image.manifest, [image.layer, image.config]);
      return folder;
    },
    /^error: image 'image' has a layer sha256:0{64} whose bytes have the digest sha256:[0-9a-f]{64} \[oci\/bad-image\]/,
  ],
  [
    'has a layer that climbs out of the root',
    () => {
      const folder = service('bad', 'oci: image');
      const common = { target: '', xattrs: noXattrs, size: 0, uid: 0, gid: 0 };
      const evil = Buffer.concat([
        encodeHeader({ ...common, path: '../evil', type: 'file', mode: 0o644 }, 1),
        endOfArchive,
      ]);
      const image = imageOf(evil);
      writeLayout(join(folder, 'image'), '1', image.manifest, [image.layer, image.config]);
      return folder;
    },
    /^error: image 'image' has a layer sha256:[0-9a-f]{64} with '\.\.\/evil', which /,
  ],
  [
    'is not there',
    () => service('bad', 'oci: nothing.tar'),
    /package\.yaml:3:6: error: there is no image 'nothing\.tar' beside the recipe/,
  ],
])(
  'an image that %s is told',
  async (_, make, message) => {
    rmSync(join(project, 'packages/bad'), { recursive: true, force: true });
    make();
    expect(await told('bad')).toMatch(message);
  },
  120_000,
);

test('a Dockerfile begins with a locked image of a registry, whose files keep their owners', async () => {
  await push(tree, join(project, 'source'), `${registry.host}/team/base:1.0`);
  const name = `${registry.host}/team/base:1.0`;
  const folder = service('derived', 'dockerfile: .', {
    Dockerfile: `ARG TAG=1.0\nFROM ${registry.host}/team/base:$TAG\nCOPY file /\n`,
    file: 'text\n',
  });
  expect(await told('derived')).toMatch(
    /Dockerfile:2:6: error: image '.*' was never locked[\s\S]*pibuild lock derived/,
  );
  expect(await runPibuild(project, ['lock', 'derived'])).toMatchObject({ code: 0 });
  expect(parseImageLock(readFileSync(join(folder, 'image.lock.json')), '').images[0]?.reference).toBe(name);
  const { path, told: diagnostics } = await serviceLayout(project, 'derived');
  expect(diagnostics).toEqual([]);
  const { config, layers } = imageIn(path, 'derived');
  expect(config.cmd).toEqual(['/bin/app']);
  // The base's layer is the very one: on a board it is there once.
  expect(layers.map(({ diffId }) => diffId)[0]).toBe(digestOf(layer));
  const [base] = layers.map(({ path: at }) => {
    const source = fileSource(join(path, at));
    const found = [...tarMembers(source)].map(({ path: file, uid, gid }) => `${file} ${uid}:${gid}`);
    source.close();
    return found;
  });
  expect(base).toContain('home/me/empty 1000:100');
  expect(basename(path)).toMatch(/^[0-9a-f]{64}$/);
}, 120_000);
