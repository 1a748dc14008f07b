import { type Backend, BaseBackend, type Capabilities, type Extent, extentsOf } from "@instar/backend";
import { extentsBelow, readBelow, readOnlyCapabilities } from "@instar/image-format";

import { ruleError } from "./rule-error.js";
import type { DiskExtent, Run } from "./extent.js";
import { Grains } from "./grains.js";
import { closeExtents, type OpenedParts, readParts, type VmdkOpenOptions } from "./open.js";
import { References } from "./references.js";

/** What an image says about itself. Sizes are bytes; strings are hostile input. */
export interface VmdkInfo {
  /** The kind of disk, such as `monolithicSparse`. */
  readonly createType: string;
  /** Guest size. */
  readonly size: number;
  /** Size of a grain of the first extent that has any. */
  readonly grainSize: number | undefined;
  /** Whether grains are compressed. */
  readonly compressed: boolean;
  /** Changes when the disk does. */
  readonly contentId: number;
  /** The content ID of the parent; `undefined` without a parent. */
  readonly parentContentId: number | undefined;
  /** What the image calls its parent. */
  readonly parentName: string | undefined;
  /** Guest bytes of each extent, in order. */
  readonly extentSizes: readonly number[];
}

/** An extent in its place on the disk. */
interface Placed {
  readonly start: number;
  readonly extent: DiskExtent;
}

/** Runs of one request that are read side by side. */
const PARALLEL = 16;

/**
 * A VMDK image as a disk: what the guest sees, read-only, as a backend over the backend that holds the file.
 *
 * It owns that backend, the extents and the parent: closing it closes them.
 */
export class VmdkImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly size: number;
  /** What holds the image, or its descriptor. */
  readonly file: Backend;
  /** The parent as the guest would see it. */
  readonly backing: Backend | undefined;
  readonly #parts: OpenedParts;
  readonly #placed: readonly Placed[];
  readonly #grains: Grains;

  private constructor(file: Backend, parts: OpenedParts, placed: readonly Placed[], backing: Backend | undefined) {
    super();
    const last = placed.at(-1);
    this.name = file.name;
    this.file = file;
    this.backing = backing;
    this.size = last ? last.start + last.extent.size : 0;
    this.#parts = parts;
    this.#placed = placed;
    this.#grains = new Grains(parts.extents.flatMap((extent) => extent.file ?? []));
    this.capabilities = readOnlyCapabilities(file);
  }

  /**
   * Opens an image: a file with everything in it, or a descriptor, whose extents the gate opens. Where it fails, `file`
   * (and `backing`) stay open and the caller's.
   *
   * @throws {@link ImageError} for an image that is broken, unsupported or refused; what reading and the gate throw
   */
  static async open(file: Backend, options: VmdkOpenOptions = {}): Promise<VmdkImage> {
    const parts = await readParts(file, options);
    try {
      const placed = place(file.name, parts.extents);
      return new VmdkImage(file, parts, placed, await parentOf(file, parts, options));
    } catch (error) {
      await closeExtents(file, parts.extents);
      throw error;
    }
  }

  /** What descriptor and headers say. */
  info(): VmdkInfo {
    const { descriptor, extents, grainSize, compressed } = this.#parts;
    const { createType, contentId, parentContentId, parentName } = descriptor;
    const extentSizes = extents.map(({ size }) => size);
    return { createType, size: this.size, grainSize, compressed, contentId, parentContentId, parentName, extentSizes };
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    for (let done = 0; done < target.length;) {
      const reads: (() => Promise<void>)[] = [];
      while (done < target.length && reads.length < PARALLEL) {
        const at = offset + done;
        const { run } = await this.#run(at, offset + target.length, signal);
        const part = target.subarray(done, done + run.length);
        reads.push(() => this.#readRun(run, part, at, signal));
        done += run.length;
      }
      // All have to end before this does, also where one fails: the target is the caller's again then.
      const results = await Promise.allSettled(reads.map((read) => read()));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
  }

  protected override async *doExtents(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Extent> {
    for (let at = offset; at < offset + length;) {
      const { run, extent } = await this.#run(at, offset + length, signal);
      if (run.kind === "absent") yield* extentsBelow(this.backing, at, run.length, signal);
      else if (run.kind === "data" && extent.flat) yield* extentsOfFlat(run, at, signal);
      else yield { offset: at, length: run.length, kind: run.kind === "zero" ? "zero" : "data" };
      at += run.length;
    }
  }

  protected override async doClose(): Promise<void> {
    await this.backing?.close();
    await closeExtents(this.file, this.#parts.extents);
    await this.file.close();
  }

  /** The run that begins at a guest offset, and the extent it is of. */
  async #run(
    offset: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly run: Run; readonly extent: DiskExtent }> {
    let low = 0;
    let high = this.#placed.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#placed[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const placed = this.#placed[low];
    if (!placed) throw new RangeError(`no extent at ${offset}`);
    const { start, extent } = placed;
    const run = await extent.run(offset - start, Math.min(end - start, extent.size), signal);
    return { run, extent };
  }

  async #readRun(run: Run, target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    switch (run.kind) {
      case "data":
        return run.file.read(target, run.fileOffset, { signal });
      case "compressed":
        return this.#grains.read(run.grain, target, run.inGrain, signal);
      case "zero":
        target.fill(0);
        return undefined;
      case "absent":
        return readBelow(this.backing, target, offset, signal);
    }
  }
}

/** Puts extents one behind the other. */
function place(where: string, extents: readonly DiskExtent[]): Placed[] {
  let start = 0;
  return extents.map((extent) => {
    const placed = { start, extent };
    start += extent.size;
    if (Number.isSafeInteger(start)) return placed;
    throw ruleError("ERR_INVALID_HEADER", where, "size of all extents", start, "be 2^53-1 at most");
  });
}

/** Opens the parent, unless the caller has it or wants none. */
async function parentOf(file: Backend, parts: OpenedParts, options: VmdkOpenOptions): Promise<Backend | undefined> {
  const { parentContentId, parentName } = parts.descriptor;
  if (parentContentId === undefined || options.backing === "ignore") return undefined;
  if (!options.backing && parentName === undefined) {
    throw ruleError(
      "ERR_INVALID_HEADER",
      file.name,
      "parentFileNameHint",
      "",
      "be there where parentCID names a parent",
    );
  }
  const backing = options.backing ?? (await new References(file.name, options).parent(parentName ?? ""));
  const found = backing instanceof VmdkImage ? backing.info().contentId : parentContentId;
  if (found === parentContentId) return backing;
  if (backing !== options.backing) await backing.close();
  const rule = `be ${hex(parentContentId)}: the parent has changed since, or is another one`;
  throw ruleError("ERR_PARENT_MISMATCH", file.name, "CID of the parent", hex(found), rule);
}

function hex(contentId: number): string {
  return contentId.toString(16).padStart(8, "0");
}

/** A flat extent may be sparse as a file. */
async function* extentsOfFlat(
  run: Extract<Run, { kind: "data" }>,
  at: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Extent> {
  for await (const { offset, length, kind } of extentsOf(run.file, run.fileOffset, run.length, { signal })) {
    yield { offset: at + offset - run.fileOffset, length, kind };
  }
}
