import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { repairQcow2, type RepairWhat } from "../src/index.js";
import { damage, Damage, imageToDamage, QEMU_MISSES, random, seed } from "./check-damage.js";
import { hasQemu, memoryOf, qemuImgJson, qemuNote, saveTo, Scratch } from "./format-support.js";

const rounds = Number(process.env["INSTAR_ROUNDS"] ?? 25);

/** What `qemu-img check` counts. */
interface Verdict {
  readonly corruptions: number;
  readonly leaks: number;
  readonly checkErrors: number;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function verdict(path: string): Verdict {
  const { corruptions, leaks, "check-errors": checkErrors } = qemuImgJson(["check", "--output=json", path]);
  return { corruptions: number(corruptions), leaks: number(leaks), checkErrors: number(checkErrors) };
}

/** What QEMU's repair has put right; `undefined` where it gives up. */
function qemuRepairs(path: string, what: RepairWhat): { corruptions: number; leaks: number } | undefined {
  const { stdout } = spawnSync("qemu-img", ["check", "-r", what, "-f", "qcow2", "--output=json", path]);
  const brace = stdout.indexOf("{");
  if (brace < 0) return undefined;
  const report: Record<string, unknown> = JSON.parse(stdout.subarray(brace).toString());
  return { corruptions: number(report["corruptions-fixed"]), leaks: number(report["leaks-fixed"]) };
}

describe.skipIf(!hasQemu)(`repair against qemu-img check -r (INSTAR_SEED=${seed})${qemuNote}`, () => {
  it.each([
    "cluster_size=512",
    "cluster_size=512,refcount_bits=2",
    "cluster_size=4096,refcount_bits=1",
    "cluster_size=4096,refcount_bits=64",
    "cluster_size=65536",
    "cluster_size=1024,compat=0.10",
    "cluster_size=16384,extended_l2=on",
  ])("leaves no more wrong than QEMU, and the guest's data as it was: %s", { timeout: 180_000 }, async (options) => {
    using scratch = new Scratch();
    const [theirs, ours] = [scratch.file("theirs.qcow2"), scratch.file("ours.qcow2")];
    // Without a bitmap: QEMU 7.2 throws away all snapshots when it repairs an image that has one.
    const whole = imageToDamage(theirs, options, false);
    const pick = random(seed);
    let clean = 0;
    let alike = 0;
    for (let round = 0; round < rounds; round++) {
      const image = new Damage(whole);
      const done: string[] = [];
      const maxRefcount = options.endsWith("bits=1") ? 1 : 2;
      for (let n = round === 0 ? 0 : 1 + pick(2); n > 0; n--) done.push(damage(image, pick, maxRefcount));
      const what = pick(4) === 0 ? "leaks" : "all";
      const where = [`round ${round}, -r ${what}`, ...done].join("\n");

      writeFileSync(theirs, image.bytes);
      const fixed = qemuRepairs(theirs, what);
      const expected = verdict(theirs);
      const file = await memoryOf(image.bytes);
      const report = await repairQcow2(file, what, { problems: Infinity });
      await saveTo(ours, file);

      const left = verdict(ours);
      const { corruptions, leaks, checkErrors, problems } = report;
      const missed = problems.some(({ message }) => QEMU_MISSES.test(message));
      if (!missed) expect({ corruptions, leaks, checkErrors }, where).toEqual(left);
      // QEMU makes the file longer for a refcount block behind its end, and so other broken pointers valid by chance. And it
      // goes on by a refcount block that is something else, too, when the width is too small to count both.
      const uncounted = problems.some(({ message }) => message.includes("than a refcount of this width can count"));
      // What QEMU misses does not keep it from putting flags right.
      if (fixed && !missed && !uncounted && statSync(theirs).size <= statSync(ours).size) {
        expect(left.corruptions, where).toBeLessThanOrEqual(expected.corruptions);
        expect(left.leaks, where).toBeLessThanOrEqual(expected.leaks);
        expect(left.checkErrors, where).toBeLessThanOrEqual(expected.checkErrors);
      }
      // 1 where the content differs; 2 and more where one of them cannot be read.
      const differs = (): boolean => spawnSync("qemu-img", ["compare", "-q", ours, theirs]).status === 1;
      const differsFromTheirs = differs();
      writeFileSync(theirs, image.bytes);
      // Damage may show the guest a table that is then put right, or a place behind the file where QEMU puts refcounts.
      expect(differsFromTheirs && differs(), where).toBe(false);
      if (left.corruptions + left.leaks + left.checkErrors === 0) clean++;
      if (fixed?.corruptions === report.fixed.corruptions && fixed.leaks === report.fixed.leaks) alike++;
    }
    expect(clean, "images that are clean after it").toBeGreaterThan(rounds / 4);
    // QEMU counts a refcount block behind the end twice, and leaves flags of compressed clusters as they are.
    expect(alike, "repairs that count the same").toBeGreaterThan(rounds / 3);
  });
});
