import { spawn } from "node:child_process";
import { join } from "node:path";
import { array, assert, asyncProperty, nat, scheduler } from "fast-check";
import { describe, expect, it } from "vitest";
import * as library from "../src/index.js";
import { ListedChoices } from "./model/choices.js";
import type { Pending } from "./model/pending.js";
import { playSchedule } from "./model/schedule.js";
import { seedOf } from "./support/random.js";

/** How many schedules are played here; all of the guarantees are checked in each of them. */
const SCHEDULES = process.env["CI"] ? 100_000 : 20_000;

describe("under every interleaving", () => {
  it(`${SCHEDULES} random schedules break no rule`, { timeout: 900_000 }, async () => {
    // A process of its own, on plain Node: twice as fast as here.
    const args = ["--no-warnings", join(import.meta.dirname, "model/soak.ts"), "--schedules", String(SCHEDULES)];
    const soak = spawn(process.execPath, args, { stdio: "inherit" });
    expect(await new Promise((resolve) => soak.on("close", resolve))).toBe(0);
  });

  it("what fast-check comes up with, and the order in which its scheduler settles I/O, breaks no rule", async () => {
    const seed = seedOf();
    const property = asyncProperty(array(nat(1000), { maxLength: 300, size: "max" }), scheduler(), async (list, io) => {
      const choices = new ListedChoices(list);
      const pending: Pending = {
        get count() {
          return io.count();
        },
        add: (label, settle) => void io.schedule(Promise.resolve(), label).then(settle),
        settleOne: () => io.waitNext(1),
      };
      const violation = await playSchedule({ library, choices, pending, more: () => choices.left });
      expect(violation, `INSTAR_SEED=${seed}`).toBeUndefined();
    });
    await assert(property, { seed, numRuns: 1000 });
  });
});
