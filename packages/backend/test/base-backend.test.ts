import { describe, expect, it } from "vitest";
import { BaseBackend, BackendError, type Capabilities, type Extent, isBackendError } from "../src/index.js";

/** Does what it is told to, when it is told to. */
class Told extends BaseBackend {
  readonly name = "told";
  readonly capabilities: Capabilities = {
    write: true,
    grow: false,
    truncate: true,
    writeZeroes: false,
    discard: false,
    allocate: false,
    extents: true,
    durable: false,
  };
  readonly size = 100;
  readonly calls: string[] = [];
  closes: (() => Promise<void>)[] = [];
  step: Promise<void> = Promise.resolve();

  protected async doRead(): Promise<void> {
    this.calls.push("read");
    await this.step;
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    try {
      for (let at = offset; at < offset + length; at++) {
        await this.step;
        yield { offset: at, length: 1, kind: "data" };
      }
    } finally {
      this.calls.push("extents left");
    }
  }

  protected override async doClose(): Promise<void> {
    this.calls.push("close");
    await this.closes.shift()?.();
  }
}

describe("BaseBackend", () => {
  it("stays open when closing fails, and closes at the next try", async () => {
    const backend = new Told();
    backend.closes = [() => Promise.reject(new BackendError("ERR_NO_SPACE", "told: full"))];
    const [first, second] = await Promise.allSettled([backend.close(), backend.close()]);
    expect([first.status, second.status]).toEqual(["rejected", "rejected"]);
    expect(backend.calls).toEqual(["close"]);
    await backend.read(new Uint8Array(1), 0);
    await backend.close();
    await backend.close();
    expect(backend.calls).toEqual(["close", "read", "close"]);
    await expect(backend.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("closes when the last call under way has ended, and refuses new ones meanwhile", async () => {
    const backend = new Told();
    const gate = Promise.withResolvers<void>();
    backend.step = gate.promise;
    const reads = [backend.read(new Uint8Array(1), 0), backend.read(new Uint8Array(1), 1)];
    const closing = backend.close();
    await expect(backend.read(new Uint8Array(1), 2)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(backend.calls).toEqual(["read", "read"]);
    gate.resolve();
    await Promise.all([...reads, closing]);
    expect(backend.calls).toEqual(["read", "read", "close"]);
  });

  it("counts a step of extents as under way, and refuses the next after close", async () => {
    const backend = new Told();
    const gate = Promise.withResolvers<void>();
    const steps = backend.extents(0, 3);
    backend.step = gate.promise;
    const first = steps.next();
    const closing = backend.close();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(backend.calls).toEqual([]);
    gate.resolve();
    expect((await first).value).toEqual({ offset: 0, length: 1, kind: "data" });
    await closing;
    expect(backend.calls).toEqual(["close"]);
    await expect(steps.next()).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(backend.calls).toEqual(["close", "extents left"]);
  });

  it("ends the plugin's extents when they are left half-way", async () => {
    const backend = new Told();
    for await (const extent of backend.extents(0, 3)) {
      expect(extent.offset).toBe(0);
      break;
    }
    expect(backend.calls).toEqual(["extents left"]);
  });

  it("stops extents at an abort between two steps", async () => {
    const controller = new AbortController();
    const steps = new Told().extents(0, 3, { signal: controller.signal });
    await steps.next();
    controller.abort("enough");
    await expect(steps.next()).rejects.toBe("enough");
  });

  it("says which method a plugin promises and does not implement", async () => {
    const missing: unknown = await new Told().truncate(5).catch((error: unknown) => error);
    expect(isBackendError(missing, "ERR_UNSUPPORTED")).toBe(true);
    expect(String(missing)).toContain("promises truncate");
  });

  it("names itself, the call and the rule in a range error", async () => {
    await expect(new Told().read(new Uint8Array(8), 96)).rejects.toThrow(
      "told: read of 8 bytes at 96 goes past the end at 100",
    );
    await expect(new Told().read(new Uint8Array(8), -1)).rejects.toThrow("integers from 0");
    await expect(new Told().truncate(0.5)).rejects.toThrow("told: truncate to 0.5: a size is an integer");
  });
});
