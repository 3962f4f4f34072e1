import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeHeader, endOfArchive, noXattrs, padding, type TarType } from '../../src/image/tar.ts';
import { imageIn } from '../../src/kinds/service-bundle.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../src/oci/media-types.ts';
import { type Installed, install } from '../helpers/boot.ts';
import { blobOf, jsonBlob } from '../helpers/oci.ts';
import { push, type RunningRegistry, startRegistry, writeLayout } from '../helpers/registry.ts';
import { runPibuild, serviceLayout } from '../helpers/services.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

/** One board with a service out of each kind of image, booted once. */

let project = '';
let pibuild: Installed;
let registry: RunningRegistry;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'pibuild-boot-'));
  pibuild = await install();
  const built = await buildWith(['tools/registry'], (provides) => ({
    tasks: [],
    target: toolsOf(provides('tools/registry')).task,
  }));
  const tree = await built.output('tools/registry:unpack', 'tree');
  registry = await startRegistry({ tree, folder: join(project, 'registry') });
  write('pibuild.yaml', '');
  await writeImage(join(project, 'packages/archived/image'));
  await push(tree, join(project, 'packages/archived/image'), `${registry.host}/test/image:1`);
  write('packages/archived/package.yaml', 'package: archived\nkind: service\noci: image\n');
  write('packages/pulled/package.yaml', `package: pulled\nkind: service\nimage: ${registry.host}/test/image:1\n`);
  write('packages/built/package.yaml', 'package: built\nkind: service\ndockerfile: .\n');
  write('packages/built/Dockerfile', DOCKERFILE);
  write('boards/images/board.yaml', BOARD);
  expect(await runPibuild(project, ['lock', 'pulled'])).toMatchObject({ code: 0 });
}, 600_000);

afterAll(async () => {
  await registry?.stop();
  pibuild?.remove();
  rmSync(project, { recursive: true, force: true });
});

const stay = 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done';

const DOCKERFILE = `FROM pibuild/container-base
ENV WHERE=here
RUN rm /usr/bin/vi && mkdir /made && uname -m > /made/machine && rm -r /opt && mkdir /opt
CMD ["/bin/sh", "-c", "cat /made/machine; ls /usr/bin/vi; ls -A /opt; echo $WHERE; ${stay.replaceAll('"', '\\"')}"]
`;

const BOARD = `board: images
extends: rpi3-minimal
image:
  size: 512M
  partitions: {root: {size: 320M}}
services: [archived, pulled, built]
checks:
  - name: an archive's whiteouts and owners are what its image says
    run: pibuild-service logs archived
    matches: 'emptied: new\\s[\\s\\S]*gone: no\\s[\\s\\S]*kept: yes\\s[\\s\\S]*owner: 1000:100 640'
    retry: 90s
  - name: a registry's image is the same
    run: pibuild-service logs pulled
    matches: 'emptied: new\\s[\\s\\S]*owner: 1000:100 640'
    retry: 90s
  - name: a Dockerfile's image is what its steps made
    run: pibuild-service logs built
    matches: 'aarch64\\s[\\s\\S]*vi: No such file or directory\\s[\\s\\S]*here'
    retry: 90s
  - name: a layer that several services share is there once
    run: ls /usr/lib/pibuild/layers | wc -l
    matches: '^4$'
`;

function write(path: string, text: string): void {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Our busybox, a layer upon it, and one that takes away and empties what that one brought. */
async function writeImage(folder: string): Promise<void> {
  const base = await serviceLayout(project, 'container-base');
  const [bottom] = imageIn(base.path, 'container-base').layers;
  const layers = [
    readFileSync(join(base.path, bottom?.path ?? '')),
    layer({ 'data/': '', 'data/old': 'x', 'data/sub/': '', 'data/sub/older': 'x', gone: 'x', kept: 'x' }),
    layer({ 'data/': '', 'data/.wh..wh..opq': '', 'data/new': 'x', '.wh.gone': '', owned: 'x' }),
  ].map((bytes) => blobOf(bytes, OCI_LAYER));
  const say = [
    'echo "emptied: $(ls -A /data)"',
    'echo "gone: $(test -e /gone && echo yes || echo no)"',
    'echo "kept: $(test -e /kept && echo yes || echo no)"',
    'echo "owner: $(stat -c "%u:%g %a" /owned)"',
    stay,
  ].join('; ');
  const config = jsonBlob(
    {
      os: 'linux',
      architecture: 'arm64',
      config: { Cmd: ['/bin/sh', '-c', say], Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
    },
    OCI_CONFIG,
  );
  const manifest = jsonBlob(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: config.descriptor,
      layers: layers.map((each) => each.descriptor),
    },
    OCI_MANIFEST,
  );
  writeLayout(folder, '1', manifest, [config, ...layers]);
}

/** A tar of folders (names that end in a slash) and files; `owned` is somebody's. */
function layer(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const type: TarType = name.endsWith('/') ? 'folder' : 'file';
    const path = name.replace(/\/$/, '');
    const own = path === 'owned' ? { uid: 1000, gid: 100, mode: 0o640 } : { uid: 0, gid: 0, mode: 0o755 };
    const header = encodeHeader({ path, type, ...own, size: text.length, target: '', xattrs: noXattrs }, 1);
    return [header, Buffer.from(text), Buffer.alloc(padding(text.length))];
  });
  return Buffer.concat([...parts, endOfArchive]);
}

test('services run out of an archive, a registry and a Dockerfile, with what their images say', async () => {
  const running = pibuild.start(['test', 'images'], project);
  const code = await running.ended;
  expect({ code, failed: running.output().match(/^ *[✗x].*$/gm) ?? [] }, running.output().slice(-4000)).toEqual({
    code: 0,
    failed: [],
  });
}, 900_000);
