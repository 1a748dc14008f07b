/** An access to one sector: what it may have done, and when. */
export interface Access {
  readonly kind: "read" | "write" | "maybe";
  /** What was read; what was written, or for `maybe` (a discard, a write that was aborted) perhaps written. */
  readonly value: number;
  readonly begin: number;
  readonly end: number;
}

/** Stands for any value that no read gives. */
const UNREAD = -2;

/** Accesses before `from` have happened, and those in `done`; the sector holds `value`. */
interface State {
  readonly from: number;
  readonly done: ReadonlySet<number>;
  readonly value: number;
}

/**
 * Whether the accesses can be put in an order in which each happens at once, between its begin and its end, and every
 * read gives what was written last.
 */
export function isLinearizable(accesses: readonly Access[], first: number): boolean {
  const read = new Set(accesses.filter(({ kind }) => kind === "read").map(({ value }) => value));
  const ordered = accesses
    .toSorted((a, b) => a.begin - b.begin)
    .map((access) => (read.has(access.value) ? access : { ...access, value: UNREAD }));
  const tried = new Set<string>();
  const open: State[] = [{ from: 0, done: new Set(), value: first }];
  for (let state = open.pop(); state; state = open.pop()) {
    if (state.from === ordered.length) return true;
    for (const next of successors(ordered, state)) {
      const key = `${next.from} ${[...next.done].toSorted((a, b) => a - b).join(",")} ${next.value}`;
      if (tried.has(key)) continue;
      tried.add(key);
      open.push(next);
    }
  }
  return false;
}

/** The states that may follow: as few as decide the question. */
function successors(ordered: readonly Access[], { from, done, value }: State): State[] {
  const unread: number[] = [];
  const changes = new Map<string, number>();
  let soonest = Infinity;
  for (let index = from; index < ordered.length; index++) {
    const access = ordered[index];
    // Whatever begins after another has ended cannot come before it.
    if (!access || access.begin > soonest) break;
    if (done.has(index)) continue;
    soonest = Math.min(soonest, access.end);
    const { kind, value: own } = access;
    const changesNothing = kind === "read" ? own === value : kind === "maybe" && own === UNREAD;
    // There is no reason to put it off.
    if (changesNothing) return [advanced(from, [...done, index], value)];
    if (kind === "read") continue;
    if (own === UNREAD) unread.push(index);
    else keepSoonest(changes, ordered, index);
  }
  // What nobody reads happens right before the next change, which hides it.
  const found: State[] = [];
  for (const index of changes.values()) {
    found.push(advanced(from, [...done, ...unread, index], ordered[index]?.value ?? 0));
    if (ordered[index]?.kind === "maybe") found.push(advanced(from, [...done, index], value));
  }
  if (unread.length > 0) found.push(advanced(from, [...done, ...unread], UNREAD));
  return found;
}

/** Of changes that do the same, the one that must happen soonest goes first. */
function keepSoonest(changes: Map<string, number>, ordered: readonly Access[], index: number): void {
  const access = ordered[index];
  const key = `${access?.kind} ${access?.value}`;
  const other = ordered[changes.get(key) ?? -1];
  if (!other || (access && access.end < other.end)) changes.set(key, index);
}

function advanced(from: number, done: readonly number[], value: number): State {
  const now = new Set(done);
  let next = from;
  while (now.delete(next)) next++;
  return { from: next, done: now, value };
}
