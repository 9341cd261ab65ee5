/** Where dextrace itself lies: its own frames in a stack say nothing about a scenario. */
const own: string = new URL('..', import.meta.url).pathname;

/** Folders beside dextrace's own that hold scenarios. */
const scenarios = /^(?:dist\/)?(?:examples|test|bench)\//;

/** The first place in a stack, as `FILE:LINE:COLUMN`, that is in a scenario; nothing when there is none. */
export function placeIn(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const place = /((?:file:\/\/)?\/[^()]+:\d+:\d+)\)?$/.exec(line)?.[1]?.replace(/^file:\/\//, '');
    if (place === undefined || place.includes('/node_modules/')) continue;
    if (!place.startsWith(own) || scenarios.test(place.slice(own.length))) return place;
  }
  return undefined;
}
