import type { Input, Task } from '../graph/task.ts';
import type { Board } from '../recipe/model.ts';
import type { ImageFormat } from '../recipe/schema.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef } from './kind.ts';
import { canonicalTar, quote, script } from './script.ts';

/** A tools tree by the name of its package. */
export type ToolsByName = (name: string) => ArtifactRef;

/** What is made for a board beside its card image and the block map. */
export interface FormatPlan {
  readonly tasks: readonly Task[];
  /** By format: `<board>:<format>`, `file`. */
  readonly files: ReadonlyMap<FurtherFormat, ArtifactRef>;
}

/** The formats that are made of what every board has. */
export type FurtherFormat = Exclude<ImageFormat, 'img' | 'bmap'>;

interface Maker {
  readonly title: string;
  readonly tools: string;
  /** Which artifact it is made of, and its name as an input. */
  readonly of: 'image' | 'files' | 'root';
  readonly script: (board: Board) => string;
}

const formats: Readonly<Record<FurtherFormat, Maker>> = {
  'img.zst': {
    title: 'compress the card image with zstd',
    tools: 'tools/image',
    of: 'image',
    // The bytes do not hang on how many threads there are, as long as there are threads.
    script: () => 'zstd -q -12 -T2 -c in/image > out/file\n',
  },
  'img.xz': {
    title: 'compress the card image with xz',
    tools: 'tools/image',
    of: 'image',
    script: () => 'xz -6 -T2 --block-size=24MiB -c in/image > out/file\n',
  },
  qcow2: {
    title: 'make a qcow2 of the card image',
    tools: 'tools/emulator',
    of: 'image',
    script: () => 'qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd in/image out/file\n',
  },
  'boot.tar': {
    title: 'pack the boot files for a network boot',
    tools: 'tools/image',
    of: 'files',
    script: () => `${canonicalTar} --mode=u=rwX,go=rX -C in/files -cf out/file .\n`,
  },
  oci: { title: 'make an OCI image of the root', tools: 'tools/image', of: 'root', script: ociScript },
};

/** The tasks of the formats that a board asks for. */
export function planFormats(board: Board, tools: ToolsByName): FormatPlan {
  const wanted = board.image.formats.filter((format): format is FurtherFormat => format in formats);
  const sources: Record<Maker['of'], Input> = {
    image: artifact(`${board.name}:disk`, 'image'),
    files: artifact(`${board.name}:boot-files`, 'files'),
    root: artifact(`${board.name}:root`, 'root'),
  };
  const tasks = wanted.map((format) => {
    const { title, tools: tree, of, script: text } = formats[format];
    return commandTask({
      id: `${board.name}:${format}`,
      title,
      tools: tools(tree),
      inputs: { [of]: sources[of] },
      outputs: { file: 'file' },
      pool: 'disk',
      script: text(board),
    });
  });
  const files = wanted.map((format): [FurtherFormat, ArtifactRef] => [
    format,
    artifact(`${board.name}:${format}`, 'file'),
  ]);
  return { tasks, files: new Map(files) };
}

/**
 * The root as the one layer of an OCI image (Image Format Specification v1.1), in a tar of its layout, which
 * `docker load`, `ctr images import`, `podman load` and skopeo take. manifest.json is for Dockers that know no index.
 */
function ociScript({ arch, name, version }: Board): string {
  const reference = `${name}:${version}`;
  return script`
mkdir -p image/blobs/sha256
cd image
sha256() { sha256sum < "$1" | cut -d ' ' -f 1; }
blob() { hash=$(sha256 "$1"); size=$(stat -c %s "$1"); mv "$1" "blobs/sha256/$hash"; }
diff=$(sha256 ../in/root)
gzip -n -6 < ../in/root > layer
blob layer; layer=$hash layer_size=$size
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
printf '{"created":"%s","architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/usr/sbin:/usr/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
  "$created" ${quote(arch)} "$diff" > config
blob config; config=$hash config_size=$size
types=application/vnd.oci.image
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
  $types $types "$config" "$config_size" $types "$layer" "$layer_size" > manifest
blob manifest
printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"%s","io.containerd.image.name":"%s"}}]}' \
  $types $types "$hash" "$size" ${quote(arch)} ${quote(version)} ${quote(reference)} > index.json
printf '[{"Config":"blobs/sha256/%s","RepoTags":["%s"],"Layers":["blobs/sha256/%s"]}]' "$config" ${quote(reference)} "$layer" > manifest.json
printf '{"imageLayoutVersion":"1.0.0"}' > oci-layout
cd ..
${canonicalTar} -C image -cf out/file blobs index.json manifest.json oci-layout
`;
}
