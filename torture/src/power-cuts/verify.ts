import type { Backend } from "@instar/backend";

import { demand } from "../finding.ts";
import { SECTOR, sectorBuffer, valueOf } from "../sectors.ts";
import type { Ledger } from "./ledger.ts";
import { offsetOf, rowEnd, type Scene } from "./scene.ts";

/** Reads sectors of a disk that has lost power, and finds those that hold what they must not. */
export async function verifySectors(
  disk: Backend,
  scene: Pick<Scene, "gap" | "sectors">,
  ledger: Pick<Ledger, "sectors">,
  wanted: (sector: number) => boolean,
): Promise<void> {
  const inside = (sector: number): boolean => sector < scene.sectors && offsetOf(scene, sector) < disk.size;
  for (let sector = 0; inside(sector);) {
    if (!wanted(sector)) {
      sector++;
      continue;
    }
    const first = sector;
    const stop = rowEnd(scene, first);
    while (sector < stop && inside(sector) && wanted(sector)) sector++;
    const { bytes, words } = sectorBuffer(sector - first);
    await disk.read(bytes, offsetOf(scene, first));
    for (let index = first; index < sector; index++) verifyOne(words, index - first, index, ledger);
  }
}

function verifyOne(words: Uint32Array, at: number, sector: number, ledger: Pick<Ledger, "sectors">): void {
  const found = valueOf(words, at, sector);
  const register = ledger.sectors[sector];
  demand(register?.allows(found) ?? false, () => {
    const shown = Array.from(words.subarray((at * SECTOR) / 4, (at * SECTOR) / 4 + 4), (word) => word.toString(16));
    return `sector ${sector} holds ${found} (${shown.join(" ")}), may hold ${String(register)}`;
  });
}
