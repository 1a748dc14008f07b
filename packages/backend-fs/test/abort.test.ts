import { describe, expect, it } from "vitest";
import { FsBackend } from "../src/index.js";
import { tempDirectory } from "./temp.js";

const file = await tempDirectory();
const LONG = 160 * 2 ** 20;

describe("a signal", () => {
  it("is heard in the middle of a long read and a long write", async () => {
    const backend = await FsBackend.open(await file("disk.img", ""), { write: true });
    const buffer = new Uint8Array(LONG);
    await backend.truncate(LONG);
    for (const call of ["read", "write"] as const) {
      const controller = new AbortController();
      const moving = backend[call](buffer, 0, { signal: controller.signal });
      controller.abort(new Error(`enough of this ${call}`));
      await expect(moving).rejects.toThrow(`enough of this ${call}`);
    }
    await backend.close();
  });

  it("ends the wait of a write for a truncate, which goes on", async () => {
    const backend = await FsBackend.open(await file("disk.img", "abc"), { write: true });
    const controller = new AbortController();
    const truncate = backend.truncate(10);
    const write = backend.write(Uint8Array.of(1), 20, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(write).rejects.toThrow("enough");
    await truncate;
    expect(backend.size).toBe(10);
    await backend.close();
  });
});
