/** What `mmap` and `mprotect` take (sys/mman.h). */
import type { Protection } from './state.ts';

export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;

/** POSIX protection bits as the model's name for them; what can be written can be read. */
export function protectionOf(bits: number): Protection {
  if ((bits & PROT_WRITE) !== 0) return 'read-write';
  return (bits & PROT_READ) === 0 ? 'none' : 'read';
}
