/** What a rule is: one file in `replay/rules/`, listed in `replay/rules.ts`. */
import type { EventByKind, KindName } from '../core/events.ts';
import type { World } from '../core/world.ts';
import type { RuleName, Severity } from '../scheduler/finding.ts';

/** When an event happens, and who does it. Handlers must not keep it: it is used again for the next event. */
export interface Moment {
  readonly seq: number;
  readonly actor: number;
  /** Virtual nanoseconds. */
  readonly tick: number;
  /** As it was just before the event. Not to be changed. */
  readonly world: World;
}

/** What is reported. */
export interface Found {
  /** The story in a few lines; a function where more of it can become known later: it is called when the findings are asked for. */
  readonly message: string | (() => string);
  /** The event that showed it. */
  readonly seq: number;
  /** Whom it is about. */
  readonly actors: readonly number[];
  /** What the same rule finds again under the same key is only counted; without keys there is one finding of a rule in a run. */
  readonly key?: string;
}

export type Report = (found: Found) => void;

/** A device's access to memory. */
export type Beat = EventByKind['dma.read'] | EventByKind['dma.write'];

/** Bus addresses `[from, to)`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** All bus addresses. */
export const everywhere: Stretch = { from: 0, to: Infinity };

/** A rule at work on one run. */
export interface Watch {
  /** What it looks at: a handler for each kind. */
  readonly on: { readonly [K in KindName]?: (event: EventByKind[K], at: Moment) => void };
  /** What more it looks at from the first event of a kind on: until then such events cost nothing. */
  readonly after?: { readonly kind: KindName; readonly on: Watch['on'] };
  /**
   * Looks at the beats of devices, of which there are very many. Evaluates to a stretch around this one in which
   * further beats of its kind say nothing, as long as they succeed and none of the kinds in `on` comes; to nothing
   * when the rule must see the next one.
   */
  beat?(event: Beat, at: Moment): Stretch | undefined;
  /** Kinds in `on` that change nothing of what `beat` says. */
  readonly aside?: readonly KindName[];
  /** Called once after a run that ended by itself and had any event that the rule looks at, for what shows only then. */
  end?(world: World): void;
}

/** What is said of a rule; what it means is in `ruleMeanings`. */
export interface RuleHead {
  readonly name: RuleName;
  readonly severity: Severity;
  /** How to mend it: the last line of each of its findings. */
  readonly advice: string;
}

export interface Rule extends RuleHead {
  /** Begins to watch a run. */
  watch(report: Report): Watch;
}
