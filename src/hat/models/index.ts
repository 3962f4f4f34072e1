import type { ChipModel } from '../model.ts';
import { ads1015 } from './ads1015.ts';
import { at24 } from './at24.ts';
import { bme280, bmp280 } from './bmp280.ts';
import { ds1338, ds3231 } from './clock.ts';
import { lm75, tmp105 } from './lm75.ts';
import { lsm303d } from './lsm303d.ts';
import { ltr559 } from './ltr559.ts';
import { tcs3472 } from './tcs3472.ts';
import { tmp421 } from './tmp421.ts';

/** The chips that a recipe can name, by the word that it uses. */
export const chipModels: ReadonlyMap<string, ChipModel> = new Map(
  [ads1015, at24, bme280, bmp280, ds1338, ds3231, lm75, lsm303d, ltr559, tcs3472, tmp105, tmp421].map((model) => [
    model.name,
    model,
  ]),
);
