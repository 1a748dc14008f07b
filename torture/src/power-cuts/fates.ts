import type { Random } from "../random.ts";
import type { Fate, PowerCut } from "../storage/power-cut.ts";

/** What becomes of the changes that no sync covers, in words and as a rule. */
export interface NamedFate {
  readonly name: string;
  readonly fate: Fate;
}

/** Everything has reached the disk, as when only the program was stopped. */
const all: NamedFate = { name: "all", fate: () => true };
const none: NamedFate = { name: "none", fate: () => false };

/** The fates that a cut is tried with: the plain ones, one change lost or torn, and so many drawn at random. */
export function fatesOf(cut: PowerCut, random: Random, draws: number): NamedFate[] {
  if (cut.undecided === 0) return [all];
  const fates = [all, none];
  for (let draw = 0; draw < draws; draw++) fates.push(drawn(cut, random));
  return fates;
}

function drawn(cut: PowerCut, random: Random): NamedFate {
  const one = cut.change(random.below(cut.undecided));
  const odds = random.of(2, 2, 4, 10);
  const coin = random.once(2);
  switch (random.below(8)) {
    case 0:
      return { name: "one lost", fate: (change) => change !== one };
    case 1:
      return { name: "only one", fate: (change) => change === one };
    case 2:
      return { name: "one torn", fate: (change) => change !== one || random.once(2) };
    case 3:
      return { name: "those before one", fate: (change) => change.begin < (one?.begin ?? 0) };
    case 4:
      return { name: "those from one on", fate: (change) => change.begin >= (one?.begin ?? 0) };
    case 5:
      return { name: "sectors", fate: () => random.once(odds) === coin };
    default:
      return { name: "changes", fate: perChange(() => random.once(odds) === coin) };
  }
}

/** One draw for all pieces of a change. */
function perChange(draw: () => boolean): Fate {
  let last: unknown;
  let kept = false;
  return (change) => {
    if (change !== last) [last, kept] = [change, draw()];
    return kept;
  };
}
