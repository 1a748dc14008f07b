import type { Qcow2Image } from "@instar/qcow2";

/** Cells of a picture, and the most important kind wins where several meet in one cell. */
const KINDS = ["·", "0", "░", "█"] as const;
const LEGEND = "█ in this image   ░ in the base   0 zero   · nowhere";

/** The map of an image in rows of cells. */
export async function picture(image: Qcow2Image, columns = 64, rows = 2): Promise<string> {
  const cell = image.size / (columns * rows);
  const ranks = new Array<number>(columns * rows).fill(0);
  for await (const { offset, length, depth, data, zero, present } of image.map(0, image.size)) {
    const rank = data ? (depth === 0 ? 3 : 2) : zero && present ? 1 : 0;
    const last = Math.min(ranks.length - 1, Math.floor((offset + length - 1) / cell));
    for (let at = Math.floor(offset / cell); at <= last; at++) ranks[at] = Math.max(ranks[at] ?? 0, rank);
  }
  const text = ranks.map((rank) => KINDS[rank] ?? "?").join("");
  const lines = Array.from({ length: rows }, (_, row) => `  ${text.slice(row * columns, (row + 1) * columns)}`);
  return [...lines, `  ${LEGEND}; a cell is ${cell / 1024} KiB`].join("\n");
}
