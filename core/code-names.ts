import * as codes from './codes.ts';

/** Numbers of POSIX calls: on this path they would be codes of the kernel. */
const posix: readonly string[] = ['EINVAL', 'ENOMEM'] satisfies (keyof typeof codes)[];

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(codes)
    .filter(([name]) => !posix.includes(name))
    .map(([name, code]) => [code, name]),
);

/** The name of a return code, or its hexadecimal value when this path has no name for it. */
export function codeName(code: number): string {
  return names.get(code) ?? `0x${code.toString(16)}`;
}
