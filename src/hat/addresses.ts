import type { HatChip } from './hat.ts';
import type { ChipModel, ChipSettings } from './model.ts';

/** All I2C addresses that a chip answers at, the first one first: small memories have several. */
export function addressesOf({ address, model, settings }: Pick<HatChip, 'address' | 'model' | 'settings'>): number[] {
  return Array.from({ length: addressCount(model, settings) }, (_, offset) => address + offset);
}

export function addressCount(model: ChipModel | undefined, settings: ChipSettings): number {
  return model?.twin?.image(settings).shape.addresses ?? 1;
}
