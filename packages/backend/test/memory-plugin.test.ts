import { describe, expect, it } from "vitest";
import { BackendRegistry, memoryPlugin } from "../src/index.js";

describe("the memory plugin", () => {
  it("keeps what was created under a name after it was closed", async () => {
    const registry = new BackendRegistry([memoryPlugin()]);
    const made = await registry.open("memory:disk", { write: true, create: "new" });
    await made.write(new Uint8Array([1, 2, 3]), 0);
    await made.close();
    const found = await registry.open("memory://disk");
    expect(found.size).toBe(3);
    expect(found.capabilities.write).toBe(false);
    await expect(new BackendRegistry([memoryPlugin()]).open("memory:disk")).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
    });
  });

  it("creates as it is told", async () => {
    const plugin = memoryPlugin();
    await expect(plugin.open("memory:disk", { write: true })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(plugin.open("memory:disk", { create: "new" })).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    const made = await plugin.open("memory:disk", { write: true, create: "replace" });
    await made.truncate(10);
    await made.close();
    await expect(plugin.open("memory:disk", { write: true, create: "new" })).rejects.toMatchObject({
      code: "ERR_EXISTS",
    });
    const again = await plugin.open("memory:disk", { write: true });
    expect(again.size).toBe(10);
    await again.close();
    expect((await plugin.open("memory:disk", { write: true, create: "replace" })).size).toBe(0);
  });

  it("lets one writer or many readers in, and a reader that does not lock in any case", async () => {
    const plugin = memoryPlugin();
    const writer = await plugin.open("memory:disk", { write: true, create: "new" });
    await expect(plugin.open("memory:disk")).rejects.toMatchObject({ code: "ERR_LOCKED" });
    const replace = plugin.open("memory:disk", { write: true, create: "replace" });
    await expect(replace).rejects.toMatchObject({ code: "ERR_LOCKED" });
    await (await plugin.open("memory:disk", { lock: false })).close();
    await writer.close();
    await writer.close();
    const readers = await Promise.all([plugin.open("memory:disk"), plugin.open("memory:disk")]);
    await expect(plugin.open("memory:disk", { write: true })).rejects.toMatchObject({ code: "ERR_LOCKED" });
    await Promise.all(readers.map((reader) => reader.close()));
    await (await plugin.open("memory:disk", { write: true })).close();
    const deaf = plugin.open("memory:disk", { write: true, lock: false });
    await expect(deaf).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });

  it("heeds an aborted signal", async () => {
    const signal = AbortSignal.abort("enough");
    await expect(memoryPlugin().open("memory:disk", { write: true, create: "new", signal })).rejects.toBe("enough");
  });
});
