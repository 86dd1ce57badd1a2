import type { ActionSet } from "./actions";
import type { Condition } from "./conditions";
import { type ContextRegion, impossible } from "./contexts";
import { emptiness, type TextRegion } from "./languages";
import type { TextSet } from "./patterns";

/** Requests: an action, by a principal, on a resource, in a context. Each side is limited by itself. */
export interface Box {
  actions: ActionSet;
  principals: TextRegion;
  resources: TextRegion;
  context: ContextRegion;
}

/** What one statement speaks of: a product of the four sides. */
export interface Extent {
  actions: ActionSet;
  /** Undefined: every principal (a policy of one identity). */
  principals: { set: TextSet; negated: boolean } | undefined;
  /** Undefined: every resource (a trust policy). */
  resources: { set: TextSet; negated: boolean } | undefined;
  conditions: readonly Condition[];
}

/** Thrown through {@link subtract} when the rest falls into more pieces than can be looked at. */
export class TooManyPieces {}

const NOWHERE: TextRegion = { within: [], without: [] };

/** The requests that a statement speaks of. */
export function boxOf({ actions, principals, resources, conditions }: Extent): Box {
  return {
    actions,
    principals: principals ? limited(NOWHERE, principals, true) : NOWHERE,
    resources: resources ? limited(NOWHERE, resources, true) : NOWHERE,
    context: { holds: conditions, fails: [] },
  };
}

function limited(
  region: TextRegion,
  { set, negated }: { set: TextSet; negated: boolean },
  inside: boolean,
): TextRegion {
  return negated !== inside
    ? { ...region, within: [...region.within.filter(({ id }) => id !== set.id), set] }
    : { ...region, without: [...region.without.filter(({ id }) => id !== set.id), set] };
}

/** True only if it is proven that no request lies in the box. */
export function isEmpty({ actions, principals, resources, context }: Box): boolean {
  return actions === 0n || emptiness(principals).empty || emptiness(resources).empty || impossible(context);
}

/** The requests of a box that a statement speaks of; undefined if there are none. */
export function intersect(box: Box, extent: Extent): Box | undefined {
  const actions = box.actions & extent.actions;
  if (actions === 0n) return undefined;
  const both: Box = {
    actions,
    principals: extent.principals ? limited(box.principals, extent.principals, true) : box.principals,
    resources: extent.resources ? limited(box.resources, extent.resources, true) : box.resources,
    context: { holds: [...box.context.holds, ...extent.conditions], fails: box.context.fails },
  };
  return isEmpty(both) ? undefined : both;
}

/**
 * The requests of a box that a statement does not speak of, as boxes that do not overlap: first those with other actions, then
 * those with its actions and other principals, and so on.
 */
function subtract(box: Box, extent: Extent): Box[] {
  if (!intersect(box, extent)) return [box];
  const rest: Box[] = [];
  const keep = (piece: Box, side: boolean) => side && rest.push(piece);
  const otherActions = box.actions & ~extent.actions;
  keep({ ...box, actions: otherActions }, otherActions !== 0n);
  let now: Box = { ...box, actions: box.actions & extent.actions };
  for (const side of ["principals", "resources"] as const) {
    const limit = extent[side];
    if (!limit) continue;
    const outside = limited(now[side], limit, false);
    keep({ ...now, [side]: outside }, !emptiness(outside).empty);
    now = { ...now, [side]: limited(now[side], limit, true) };
  }
  for (const condition of extent.conditions) {
    const { holds, fails } = now.context;
    const context = { holds, fails: [...fails, condition] };
    keep({ ...now, context }, !impossible(context));
    now = { ...now, context: { holds: [...holds, condition], fails } };
  }
  return rest;
}

/** Pieces of one statement that may be compared with another one: real policies stay below some hundred. */
const PIECES_LIMIT = 1_000;

/**
 * The requests of a box that none of the statements speaks of.
 *
 * @throws {TooManyPieces} if that cannot be said within reasonable time
 */
export function subtractAll(box: Box, extents: readonly Extent[]): Box[] {
  let rest = isEmpty(box) ? [] : [box];
  // Those without conditions take away whole pieces; the others may part them into many.
  let compared = 0;
  const simpleFirst = [...extents].sort((a, b) => a.conditions.length - b.conditions.length);
  for (const extent of simpleFirst) {
    compared += rest.length;
    if (compared > PIECES_LIMIT) throw new TooManyPieces();
    rest = rest.flatMap((piece) => subtract(piece, extent));
    if (rest.length === 0) break;
  }
  return rest;
}
