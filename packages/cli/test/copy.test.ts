import { describe, expect, it, vi } from "vitest";
import { BackendError, MemoryBackend } from "@instar/backend";
import { copyDisk, type CopyJob, type CopyTarget } from "../src/copy.js";

const CHUNK = 2_097_152;
const CHUNKS = 6;

/** Reads that end in the opposite order of their offsets, as far as they are under way together. */
class Backwards extends MemoryBackend {
  readonly #waiting: { offset: number; go: () => void }[] = [];
  largest = 0;

  protected override async doRead(target: Uint8Array, offset: number): Promise<void> {
    const turn = new Promise<void>((go) => this.#waiting.push({ offset, go }));
    this.largest = Math.max(this.largest, this.#waiting.length);
    setImmediate(() => {
      this.#waiting.sort((a, b) => a.offset - b.offset);
      this.#waiting.pop()?.go();
    });
    await turn;
    await super.doRead(target, offset);
  }
}

/** Remembers in which order writes began, and how many bytes they were. */
class Recorder extends MemoryBackend {
  readonly writes: [offset: number, length: number][] = [];
  failAt = Infinity;

  protected override async doWrite(source: Uint8Array, offset: number): Promise<void> {
    this.writes.push([offset, source.byteLength]);
    if (offset >= this.failAt) throw new BackendError("ERR_NO_SPACE", "full");
    await super.doWrite(source, offset);
  }
}

async function prepared(): Promise<{ job: CopyJob; source: Backwards; target: Recorder }> {
  const source = new Backwards({ size: CHUNK * CHUNKS });
  await source.write(new Uint8Array(CHUNK * CHUNKS).fill(5), 0);
  const target = new Recorder({ size: CHUNK * CHUNKS });
  const job: CopyJob = {
    source,
    target: { disk: target },
    chunk: 2_097_152,
    targetIsClear: true,
    sparse: 4096,
    parallel: 3,
    ordered: true,
    signal: new AbortController().signal,
    progress: () => {},
  };
  return { job, source, target };
}

const ascending = Array.from({ length: CHUNKS }, (_, index) => [index * CHUNK, CHUNK]);

describe("copyDisk", () => {
  it("reads ahead, and begins writes in order", async () => {
    const { job, source, target } = await prepared();
    await copyDisk(job);
    expect(source.largest).toBe(3);
    expect(target.writes).toEqual(ascending);
  });

  it("writes as data comes in, where the order does not matter", async () => {
    const { job, target } = await prepared();
    await copyDisk({ ...job, ordered: false });
    expect(target.writes).not.toEqual(ascending);
    expect(target.writes.toSorted(([a], [b]) => a - b)).toEqual(ascending);
  });

  it("leaves out zeroes, and joins what lies side by side", async () => {
    const { job, source, target } = await prepared();
    await source.write(new Uint8Array(3 * 4096), 8192);
    await source.write(new Uint8Array(5000), CHUNK);
    await copyDisk({ ...job, parallel: 1 });
    expect(target.writes.slice(0, 3)).toEqual([
      [0, 8192],
      [20_480, CHUNK - 20_480],
      [CHUNK + 4096, CHUNK - 4096],
    ]);
  });

  it("does not read what is known to be a hole, and says that it is done", async () => {
    const { job } = await prepared();
    const source = new Backwards({ size: 2 ** 50 });
    let done = 0;
    await copyDisk({
      ...job,
      source,
      target: { disk: new Recorder({ size: 2 ** 50 }) },
      progress: (bytes) => (done += bytes),
    });
    expect([source.largest, done]).toEqual([0, 2 ** 50]);
  });

  it("ends with the first failure, and waits for nobody's turn then", async () => {
    const { job, target } = await prepared();
    target.failAt = 2 * CHUNK;
    await expect(copyDisk(job)).rejects.toMatchObject({ code: "ERR_NO_SPACE" });
    expect(target.writes.length).toBeLessThanOrEqual(CHUNKS);
  });

  it("ends when it is aborted, with the reason", async () => {
    const { job } = await prepared();
    const reason = new Error("enough");
    await expect(copyDisk({ ...job, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("a target that is still being made", () => {
  /** Resolves when the source has been read from as often as it can be. */
  const readAhead = (source: Backwards): Promise<void> => expect.poll(() => source.largest).toBe(3);

  it("is waited for with what has been read", async () => {
    const { job, source, target } = await prepared();
    const made = Promise.withResolvers<CopyTarget>();
    const copying = copyDisk({ ...job, target: made.promise });
    await readAhead(source);
    made.resolve({ disk: target });
    await copying;
    expect(target.writes).toEqual(ascending);
  });

  it("fails the copy when it cannot be made, be there nothing to write", async () => {
    const { job } = await prepared();
    const reason = new Error("no such directory");
    for (const source of [job.source, new Backwards({ size: 2 ** 20 })]) {
      await expect(copyDisk({ ...job, source, target: Promise.reject(reason) })).rejects.toBe(reason);
    }
  });

  it("is not told of where the source failed before", async () => {
    const { job } = await prepared();
    const made = Promise.withResolvers<CopyTarget>();
    const source = new MemoryBackend({ size: CHUNK });
    await source.write(Uint8Array.of(1), 0);
    vi.spyOn(source, "read").mockRejectedValue(new BackendError("ERR_IO", "gone"));
    await expect(copyDisk({ ...job, source, target: made.promise })).rejects.toMatchObject({ code: "ERR_IO" });
    made.reject(new Error("no such directory"));
  });
});
