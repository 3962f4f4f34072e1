import type { Input, Task } from '../graph/task.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef } from './kind.ts';
import { quote, script } from './script.ts';

/**
 * The task that unpacks an image, an archive or a folder, with its layers, since Node knows not all ways in which they are
 * compressed: the artifact `image`. A blob of a layout must be what its name says.
 */
export function unpackImageTask(
  id: string,
  what: string,
  image: Input,
  tools: ArtifactRef,
): { task: Task; image: ArtifactRef } {
  const task = commandTask({
    id,
    title: `unpack image ${what}`,
    tools,
    inputs: { image },
    outputs: { image: 'tree' },
    pool: 'disk',
    script: unpackScript(what),
  });
  return { task, image: artifact(id, 'image') };
}

/**
 * Blobs keep their place, whatever they are called: only what was compressed has other bytes afterwards. (An archive of the
 * older `docker save` has no blobs, but `<id>/layer.tar`.)
 */
function unpackScript(what: string): string {
  return script`
what=${quote(what)}
bad() { echo "error: image '$what' $1" >&2; exit 1; }
image=in/image
if [ ! -d in/image ]; then
  case $(head -c 4 in/image | od -An -tx1 | tr -d ' ') in
    1f8b*) gzip -dc in/image > image.tar || bad 'is not whole' ;;
    28b52ffd) zstd -qdc in/image > image.tar || bad 'is not whole' ;;
    *) ln -s in/image image.tar ;;
  esac
  mkdir image
  tar -xf image.tar -C image --no-same-owner --no-same-permissions 2> errors || bad "is no tar archive: $(tail -n 1 errors)"
  image=image
fi
mkdir -p out/image
plain() {
  case $(head -c 4 "$1" | od -An -tx1 | tr -d ' ') in
    1f8b*) gzip -dc "$1" > "$2" || bad "has a layer '$3' that is not whole" ;;
    28b52ffd) zstd -qdc "$1" > "$2" || bad "has a layer '$3' that is not whole" ;;
    *) cp --no-preserve=all "$1" "$2" ;;
  esac
}
cd "$image"
while IFS= read -r -d '' path; do
  path=${'$'}{path#./}
  case $path in
    blobs/sha256/*)
      sum=$(sha256sum "$path")
      [ "${'$'}{sum%% *}" = "${'$'}{path##*/}" ] || bad "has a blob sha256:${'$'}{path##*/} whose bytes have the digest sha256:${'$'}{sum%% *}" ;;
  esac
  mkdir -p "$OLDPWD/out/image/$(dirname "$path")"
  plain "$path" "$OLDPWD/out/image/$path" "$path"
done < <(find -L . -type f -print0)
`;
}
