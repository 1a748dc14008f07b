import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, it, vi } from "vitest";
import { deviceNumbers, sizeByReading } from "../src/device-size.js";
import { FsBackend } from "../src/index.js";
import { pattern, tempDirectory } from "./temp.js";

/** Whether Linux tells the size of a device. */
let told = true;

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const readFileOf = async (path: string, encoding: "latin1"): Promise<string> => {
    if (!told && path.startsWith("/sys/")) throw new Error("planned");
    return real.readFile(path, encoding);
  };
  return { ...real, readFile: readFileOf };
});

const file = await tempDirectory();
const contents = pattern(1_048_576 + 512 * 5);
const image = await file("device.img", contents);
const device = attach(image);

function attach(path: string): string {
  try {
    return execFileSync("losetup", ["--find", "--show", path], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "";
  }
}

afterAll(() => {
  if (device) execFileSync("losetup", ["--detach", device]);
});

const needs = device ? "" : " (skipped: needs root, and loop devices of Linux)";

describe.skipIf(!device)(`a block device${needs}`, () => {
  for (const linuxTells of [true, false]) {
    it(`is read up to its size, ${linuxTells ? "as Linux tells it" : "found by reading"}`, async () => {
      told = linuxTells;
      const backend = await FsBackend.open(device);
      expect(backend.size).toBe(contents.byteLength);
      const target = new Uint8Array(contents.byteLength - 100);
      await backend.read(target, 100);
      expect(Buffer.compare(target, contents.subarray(100))).toBe(0);
      await backend.close();
    });
  }

  it("is refused to writers by name, and stays as it was", async () => {
    for (const create of ["never", "new", "replace"] as const) {
      const refused = expect.objectContaining({
        code: "ERR_UNSUPPORTED",
        message: `${device}: is a block device, and these are opened read-only`,
      });
      await expect(FsBackend.open(device, { write: true, create })).rejects.toEqual(refused);
    }
    expect(Buffer.compare(await readFile(image), contents)).toBe(0);
  });
});

describe("the end of a device", () => {
  it("is found by reading", async () => {
    for (const sectors of [0, 1, 2, 3, 1000, 2 ** 20, 2 ** 31 - 1, 2 ** 40 + 1]) {
      let reads = 0;
      const size = await sizeByReading(async (offset) => {
        reads++;
        return offset / 512 < sectors;
      });
      expect(size).toBe(sectors * 512);
      expect(reads).toBeLessThan(100);
    }
  });

  it("is looked for under the numbers of the device", () => {
    expect(deviceNumbers(0xfd00n)).toBe("253:0");
    expect(deviceNumbers(0x0000_1000_0ff0_ff12n)).toBe("4351:65298");
  });
});
