import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { definitions, fixtureBytes, guestContent } from "./fixtures.js";
import { hasQemu, qemuImg, qemuNote, Scratch } from "./format-support.js";

describe.skipIf(!hasQemu)(`the fixtures as QEMU reads them${qemuNote}`, () => {
  it("hold what their definitions say", { timeout: 60_000 }, () => {
    using scratch = new Scratch();
    const readable = definitions.filter(({ refused }) => refused === undefined);
    for (const { name } of readable) writeFileSync(scratch.file(`${name}.qcow2`), fixtureBytes(name));
    for (const { name } of readable) {
      qemuImg("convert", "-O", "raw", scratch.file(`${name}.qcow2`), scratch.file("raw"));
      const same = Buffer.compare(readFileSync(scratch.file("raw")), guestContent(name)) === 0;
      expect(same, name).toBe(true);
    }
  });
});
