import { inTurns, timed } from "../measure.js";
import { figure, table } from "../table.js";
import { filledPeers, randomKeys, type Sink } from "./peers.js";

const HITS = 1_000_000;

/** Hits on random keys, against `lru-cache`'s `get`. */
export async function hits(size: number, rounds: number): Promise<string> {
  const keys = randomKeys(HITS, size);
  const sink: Sink = { sum: 0 };
  const peers = await filledPeers(size);
  const results = await inTurns(
    rounds,
    new Map(peers.map((peer) => [peer.name, () => timed(HITS, () => peer.hit(keys, sink))])),
  );
  const rows = results.map(({ name, nanoseconds, ratio }) => [name, figure(nanoseconds), figure(1 / ratio)]);
  return `## Hit, ${size.toLocaleString("en")} entries\n\n${table(["", "ns", "speed, lru-cache = 1"], rows)}`;
}
