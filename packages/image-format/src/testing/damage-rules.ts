import type { TestRunner } from "@instar/backend/conformance";

import { type DamageLimits, surviveDamage } from "./damage.js";
import { randomFrom } from "./pattern-disk.js";
import type { Trial } from "./trial.js";

/** How a file is damaged. */
interface DamageHow {
  readonly limits: DamageLimits | undefined;
  readonly seed: number;
  readonly rounds: number;
}

/** At so many lengths a file is cut off, besides those of its first kilobyte. */
const CUTS = 60;

/** Rules of what becomes of a file that is damaged. */
export function damageRules(runner: TestRunner, { sample, open }: Trial, { limits, seed, rounds }: DamageHow): void {
  const { file, metadata = [{ begin: 0, end: file.length }] } = sample;

  runner.it("cut off anywhere it is refused with a code, or can be read", async () => {
    const step = Math.ceil(file.length / CUTS);
    for (let length = 0; length < file.length; length += length < 1024 ? 37 : step) {
      await surviveDamage(file.subarray(0, length), `cut off to ${length} bytes`, open, limits);
    }
  });

  runner.it(`with bytes changed it is refused with a code, or can be read (INSTAR_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < rounds; round++) {
      const bytes = Uint8Array.from(file);
      for (let flips = random() % 8; flips >= 0; flips--) {
        const { begin, end } = metadata[random() % metadata.length] ?? { begin: 0, end: bytes.length };
        bytes[begin + (random() % (end - begin))] = random() >>> 24;
      }
      await surviveDamage(bytes, `round ${round}`, open, limits);
    }
  });
}
