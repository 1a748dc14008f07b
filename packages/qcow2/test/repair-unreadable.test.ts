import { MemoryPages } from "@instar/backend";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../src/index.js";
import { FaultyFile } from "./engine/faulty-file.js";
import { allBytes, expectClean, firstDifference, memoryFile, pattern } from "./engine/support.js";

const SIZE = 100_000;

describe("a repair that cannot read a table", () => {
  for (const repair of ["leaks", "all"] as const) {
    it(`frees nothing that the table may refer to (repair of ${repair})`, async () => {
      for (let nth = 0, last = false; !last; nth++) {
        const pages = new MemoryPages();
        const file = new FaultyFile(memoryFile(pages));
        const image = await Qcow2Image.create(file, { size: SIZE, clusterSize: 512 });
        await image.write(pattern(SIZE, 1), 0);
        await image.sync();
        let count = 0;
        file.fails = (kind) => kind === "read" && count++ === nth;
        const report = await image.check({ repair }).catch(() => undefined);
        last = count <= nth;
        file.fails = () => false;
        if (report) expect(report.fixed, `read ${nth}`).toEqual({ corruptions: 0, leaks: 0 });
        await image.write(pattern(5000, 2), 0);
        await image.write(pattern(5000, 1), 0);
        await image.sync();
        expect(firstDifference(await allBytes(image), pattern(SIZE, 1)), `read ${nth}`).toBe(-1);
        await expectClean(image, `read ${nth}`);
      }
    });
  }
});
