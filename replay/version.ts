import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';

/** This package's version. */
export const version: string = readVersion();

function readVersion(): string {
  // Beside the sources in a checkout, one level up from the compiled files.
  for (const place of ['../package.json', '../../package.json']) {
    if (existsSync(new URL(place, import.meta.url))) {
      return (createRequire(import.meta.url)(place) as { version: string }).version;
    }
  }
  return 'unknown';
}
