import { userError } from "../errors";

/** A stack as far as its place in an order goes. */
export interface OrderedStack {
  /** Unique name, e.g. `dev.us-east-1`. */
  name: string;
  /** Names of the stacks whose outputs it reads: they come before it. Duplicates count once. */
  dependsOn: readonly string[];
  /** Every stack of a lower wave comes before it. @default 0 */
  wave?: number;
}

/**
 * Puts stacks into an order that breaks no dependency and no wave: every stack stands in the earliest group that is possible, and those
 * of one group can be worked on at the same time. Groups are sorted by name. Linear in stacks and dependencies; starts no engine.
 *
 * @param stacks dependencies on stacks that are not among them are no mistake only where `elsewhere` says so
 * @param elsewhere whether a stack that is not among them is known to be there already. @default none is
 * @throws user error `StackCycle` that names the circle, `UnknownStack` for a dependency on nothing, `SameStack` for a name given twice
 */
export function orderStacks(
  stacks: readonly OrderedStack[],
  elsewhere: (name: string) => boolean = () => false,
): string[][] {
  const graph = graphOf(stacks, elsewhere);
  const waiting = new Map([...graph].map(([node, { before }]) => [node, before.length]));
  const groups: string[][] = [];
  // A barrier takes no group of its own: what it lets go may stand right behind the last stack of its wave.
  let ready = [...graph.keys()].filter((node) => waiting.get(node) === 0);
  while (ready.length > 0) {
    const group: string[] = [];
    const next: string[] = [];
    for (const node of ready) (isBarrier(node) ? next : group).push(node);
    const released = release(group, graph, waiting);
    groups.push(group.sort());
    ready = throughBarriers([...next, ...released], graph, waiting);
  }
  const left = [...waiting].filter(([, count]) => count > 0).map(([node]) => node);
  if (left.length > 0) throw cycleError(left, graph);
  return groups.filter((group) => group.length > 0);
}

/** A stack, or the barrier between two waves, in the graph. */
interface Node {
  before: string[];
  after: string[];
}

type Graph = Map<string, Node>;

/** No stack can have such a name: the engine takes letters, digits, `-`, `_` and `.`. */
const barrier = (wave: number) => `\0${wave}`;
const isBarrier = (node: string) => node.startsWith("\0");

function graphOf(stacks: readonly OrderedStack[], elsewhere: (name: string) => boolean): Graph {
  const graph: Graph = new Map();
  for (const { name } of stacks) {
    if (graph.has(name)) throw userError("SameStack", `stack ${name} is given twice`, "name every stack once");
    graph.set(name, { before: [], after: [] });
  }
  const connect = (from: string, to: string) => {
    graph.get(from)!.after.push(to);
    graph.get(to)!.before.push(from);
  };
  for (const { name, dependsOn } of stacks) {
    for (const other of new Set(dependsOn)) {
      if (graph.has(other)) connect(other, name);
      else if (!elsewhere(other)) throw unknown(name, other, graph);
    }
  }
  addBarriers(stacks, graph, connect);
  return graph;
}

/** One node between two waves instead of an edge for each pair of stacks. */
function addBarriers(stacks: readonly OrderedStack[], graph: Graph, connect: (from: string, to: string) => void): void {
  const waves = [...new Set(stacks.map(({ wave = 0 }) => wave))].sort((a, b) => a - b);
  const index = new Map(waves.map((wave, position) => [wave, position]));
  for (let position = 1; position < waves.length; position++) graph.set(barrier(position), { before: [], after: [] });
  for (let position = 2; position < waves.length; position++) connect(barrier(position - 1), barrier(position));
  for (const { name, wave = 0 } of stacks) {
    const position = index.get(wave)!;
    if (position > 0) connect(barrier(position), name);
    if (position + 1 < waves.length) connect(name, barrier(position + 1));
  }
}

/** Takes nodes out of the graph and answers which wait for nothing any more. */
function release(done: readonly string[], graph: Graph, waiting: Map<string, number>): string[] {
  const free: string[] = [];
  for (const node of done) {
    for (const later of graph.get(node)!.after) {
      const count = waiting.get(later)! - 1;
      waiting.set(later, count);
      if (count === 0) free.push(later);
    }
  }
  return free;
}

function throughBarriers(nodes: readonly string[], graph: Graph, waiting: Map<string, number>): string[] {
  const stacks: string[] = [];
  let open = [...nodes];
  while (open.length > 0) {
    stacks.push(...open.filter((node) => !isBarrier(node)));
    open = release(open.filter(isBarrier), graph, waiting);
  }
  return stacks;
}

function unknown(name: string, other: string, graph: Graph): Error {
  const known = [...graph.keys()].sort();
  const shown = known.length > 12 ? `${known.slice(0, 12).join(", ")} and ${known.length - 12} more` : known.join(", ");
  const message = `stack ${name} depends on ${other}, which is not there; there are: ${shown}`;
  return userError("UnknownStack", message, "correct the name, or deploy that stack first");
}

/** Walks back from what is left until a node comes again: that is a circle. */
function cycleError(left: readonly string[], graph: Graph): Error {
  const stuck = new Set(left);
  const path: string[] = [];
  let node = left.find((each) => !isBarrier(each)) ?? left[0]!;
  while (!path.includes(node)) {
    path.push(node);
    node = graph.get(node)!.before.find((earlier) => stuck.has(earlier))!;
  }
  const circle = path.slice(path.indexOf(node));
  // Told from a stack, not from a barrier.
  const first = circle.findIndex((each) => !isBarrier(each));
  const turned = [...circle.slice(first), ...circle.slice(0, first)];
  const named = [...turned, turned[0]!].map((each) => (isBarrier(each) ? "an earlier wave" : each));
  const message = `stacks wait for each other in a circle: ${named.join(" waits for ")}`;
  const next = circle.some(isBarrier)
    ? "put a stack that others read outputs of into the same or an earlier wave (tributary:waves)"
    : "remove one of these dependencies: a stack cannot read outputs of a stack that reads its own";
  return userError("StackCycle", message, next);
}
