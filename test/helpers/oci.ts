import { digestOf } from '../../src/oci/manifest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../src/oci/media-types.ts';

/** A blob with the descriptor that names it. */
export interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: { mediaType: string; digest: string; size: number };
}

export function blobOf(bytes: Buffer, mediaType: string): Blob {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

export function jsonBlob(value: unknown, mediaType: string): Blob {
  return blobOf(Buffer.from(JSON.stringify(value)), mediaType);
}

/** An image of one layer, and what differs from a plain one. */
export function imageOf(
  layer: Buffer,
  {
    architecture = 'arm64',
    config = {},
    layerType = OCI_LAYER,
    diffId = digestOf(layer),
    manifest = {},
  }: {
    architecture?: string;
    config?: object;
    layerType?: string;
    diffId?: string;
    manifest?: object;
  } = {},
) {
  const made = {
    layer: blobOf(layer, layerType),
    config: jsonBlob({ os: 'linux', architecture, config, rootfs: { type: 'layers', diff_ids: [diffId] } }, OCI_CONFIG),
  };
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: made.config.descriptor,
    layers: [made.layer.descriptor],
    ...manifest,
  };
  return { ...made, manifest: jsonBlob(body, OCI_MANIFEST) };
}
