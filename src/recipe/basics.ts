import { z } from 'zod';

/** What the schemas of recipes are made of. */

export const NAME = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;

/** A size such as 64M: bytes, or K, M, G in powers of 1024. */
export const size = z
  .union([z.int().positive(), z.string().regex(/^[1-9][0-9]*[KMG]?$/, 'a size like 512K, 64M or 1G')])
  .meta({ description: 'A size: bytes, or with K, M or G (powers of 1024)' });

/** A length of time such as 500ms, 30s, 2m. */
export const duration = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(ms|s|m)$/, 'a time like 500ms, 30s or 2m')
  .meta({ description: 'A length of time: 500ms, 30s, 2m' });
