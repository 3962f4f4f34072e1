import type { Input } from '../graph/task.ts';
import type { ServiceRecipe } from '../recipe/service.ts';

/**
 * What a service is between its recipe and the target. Types only.
 *
 * A service's root is an *OCI image layout*, whatever it was made from: of our own packages, a registry's image, an archive
 * or a Dockerfile. From there on all are the same: the layers go into the image once each, and the image's config and the
 * recipe become the bundle's config.json.
 */

/**
 * Where a service's files and defaults come from: an artifact of type `tree` that is an OCI image layout (image-spec 1.1,
 * image-layout.md): `oci-layout`, `index.json` with exactly one manifest, `blobs/sha256/*`. Layers are uncompressed
 * (`application/vnd.oci.image.layer.v1.tar`), so that a layer's digest is its diff id; owners are those of the image;
 * whiteouts are as image-spec has them.
 */
export interface ServiceRoot {
  readonly layout: Extract<Input, { from: 'task' }>;
}

/**
 * On the target:
 *
 *     /usr/lib/pibuild/layers/<first 16 digits of the digest>/   a layer, unpacked; whiteouts as overlayfs has them
 *     /usr/lib/pibuild/services/<name>/config.json               runtime-spec; `root.path` is `rootfs`
 *     /usr/lib/pibuild/services/<name>/service.json              `ServiceFile`
 *     /usr/lib/pibuild/services/order.json                       the names in the order of the recipe
 */
export const LAYERS = 'usr/lib/pibuild/layers';
export const SERVICES = 'usr/lib/pibuild/services';

/** What the supervisor needs to know besides config.json. Times are in milliseconds, sizes in bytes. */
export interface ServiceFile {
  readonly name: string;
  readonly stage: 'onboot' | 'services' | 'onshutdown';
  /** Names of folders below `LAYERS`, bottom first. */
  readonly layers: readonly string[];
  readonly readonly: boolean;
  readonly persist: boolean;
  readonly runtime: 'runc' | 'crun';
  /** Devices whose numbers are looked up before it starts. */
  readonly devices: readonly string[];
  readonly stopSignal: string;
  readonly after: readonly string[];
  readonly ready?: Readonly<{ exec?: readonly string[]; file?: string; tcp?: string; within: number }>;
  readonly restart: {
    readonly policy: 'never' | 'on-failure' | 'always';
    readonly backoff: number;
    readonly max: number;
    /** 0: for ever. */
    readonly tries: number;
  };
  /** 0: no limit. */
  readonly timeout: number;
  readonly onFailure: 'ignore' | 'stop-boot' | 'reboot';
  /** Absent: no log. */
  readonly logs?: { readonly size: number; readonly keep: number };
  /** LinuxKit's `runtime`: what is done outside of the container before it starts. */
  readonly prepare: {
    readonly cgroups: readonly string[];
    readonly mkdir: readonly string[];
    readonly mounts: readonly {
      readonly type: string;
      readonly source: string;
      readonly destination: string;
      readonly options: readonly string[];
    }[];
    readonly interfaces: NonNullable<NonNullable<ServiceRecipe['runtime']>['interfaces']>;
    readonly bindNS: Readonly<Record<string, string>>;
  };
  /** containerd's namespace. */
  readonly namespace: string;
}
