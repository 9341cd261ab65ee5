/** The folder of the package: a stack names its files there, or below `dist/` when no source map is in use. */
const root: string = decodeURIComponent(new URL('..', import.meta.url).pathname).replace(/dist\/$/, '');

/** dextrace's own code in it: its frames say nothing about a scenario. */
const own = /^(?:dist\/)?(?:core|scheduler|store|replay|cli)\//;

/** The first place in a stack, as `FILE:LINE:COLUMN`, that is in a scenario; nothing when there is none. */
export function placeIn(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const found = /(?:^\s*at |\()((?:file:\/\/)?\/.*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (found === undefined || found.includes('/node_modules/')) continue;
    const place = found.startsWith('file://') ? decodeURIComponent(found.slice('file://'.length)) : found;
    if (!place.startsWith(root) || !own.test(place.slice(root.length))) return place;
  }
  return undefined;
}
