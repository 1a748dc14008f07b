import {
  type Backend,
  BaseBackend,
  type CallOptions,
  type Capabilities,
  type Extent,
  extentsOf,
} from "@instar/backend";
import {
  extentsBelow,
  joinMappings,
  mapBelow,
  mapOf,
  mappedData,
  mappedZero,
  type Mapping,
  readBelow,
  readOnlyCapabilities,
} from "@instar/image-format";

import { ruleError } from "./rule-error.js";
import type { DiskExtent, Run } from "./extent.js";
import { Grains } from "./grains.js";
import { closeExtents, type OpenedParts, readParts, type VmdkOpenOptions } from "./open.js";
import { PlacedExtents } from "./placed-extents.js";
import { References } from "./references.js";

/** What an image says about itself. Sizes are bytes; strings are hostile input. */
export interface VmdkInfo {
  /** The kind of disk, such as `monolithicSparse`. */
  readonly createType: string;
  /** Guest size. */
  readonly size: number;
  /** Size of a grain of the first extent that has any. */
  readonly grainSize: number | undefined;
  /** Whether grains of any extent are compressed. */
  readonly compressed: boolean;
  /** Changes when the disk does. */
  readonly contentId: number;
  /** The content ID of the parent; `undefined` without a parent. */
  readonly parentContentId: number | undefined;
  /** What the image calls its parent. */
  readonly parentName: string | undefined;
  /** What the disk consists of, in order. */
  readonly extents: readonly VmdkExtentInfo[];
}

/** A part of a disk. Sizes are bytes. */
export interface VmdkExtentInfo {
  /** Its name in the descriptor; `undefined` for what is in the file of the image itself, or in none. */
  readonly name: string | undefined;
  /** Its type in the descriptor; `undefined` for what is in the file of the image itself. */
  readonly type: "SPARSE" | "FLAT" | "ZERO" | undefined;
  /** Guest size. */
  readonly size: number;
  /** `undefined` where it has no grains. */
  readonly grainSize: number | undefined;
  readonly compressed: boolean;
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
  readonly #extents: PlacedExtents;
  readonly #grains: Grains;

  private constructor(file: Backend, parts: OpenedParts, placed: PlacedExtents, backing: Backend | undefined) {
    super();
    this.name = file.name;
    this.file = file;
    this.backing = backing;
    this.size = placed.size;
    this.#parts = parts;
    this.#extents = placed;
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
      const placed = new PlacedExtents(file.name, parts.extents);
      return new VmdkImage(file, parts, placed, await parentOf(file, parts, options));
    } catch (error) {
      await closeExtents(file, parts.extents);
      throw error;
    }
  }

  /** What descriptor and headers say. */
  info(): VmdkInfo {
    const { descriptor, extents: parts } = this.#parts;
    const { createType, contentId, parentContentId, parentName } = descriptor;
    const extents = parts.map((part, index) => this.#extentInfo(part, index));
    const grainSize = extents.find((extent) => extent.grainSize !== undefined)?.grainSize;
    const compressed = extents.some((extent) => extent.compressed);
    return { createType, size: this.size, grainSize, compressed, contentId, parentContentId, parentName, extents };
  }

  /**
   * Where the bytes of a range come from, in runs as long as possible. Nothing is read but tables.
   *
   * @throws {@link BackendError} `ERR_RANGE` past the end, when iterated
   */
  async *map(offset: number, length: number, options: CallOptions = {}): AsyncGenerator<Mapping> {
    // An empty read at the end has the same rules: closed, aborted, past the end.
    await this.read(new Uint8Array(0), offset + length, options);
    yield* joinMappings(this.#pieces(offset, length, options));
  }

  protected async doRead(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    for (let done = 0; done < target.length;) {
      const reads: (() => Promise<void>)[] = [];
      while (done < target.length && reads.length < PARALLEL) {
        const at = offset + done;
        const { run } = await this.#extents.run(at, offset + target.length, signal);
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
      const { run, extent } = await this.#extents.run(at, offset + length, signal);
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

  async *#pieces(offset: number, length: number, call: CallOptions): AsyncGenerator<Mapping> {
    for (let at = offset; at < offset + length;) {
      const { run, extent } = await this.#extents.run(at, offset + length, call.signal);
      if (run.kind === "data") {
        if (extent.flat) yield* mapFlat(run, at, call);
        else yield mappedData(at, run.length, { file: run.file.name, hostOffset: run.fileOffset });
      } else if (run.kind === "compressed") yield mappedData(at, run.length);
      else if (run.kind === "zero") yield mappedZero(at, run.length);
      else yield* mapBelow(this.backing, at, run.length, call);
      at += run.length;
    }
  }

  #extentInfo({ file, size, grainSize, compressed }: DiskExtent, index: number): VmdkExtentInfo {
    const line = file === this.file ? undefined : this.#parts.descriptor.extents[index];
    return { name: line?.name || undefined, type: line?.type, size, grainSize, compressed };
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

async function* mapFlat(run: Extract<Run, { kind: "data" }>, at: number, call: CallOptions): AsyncGenerator<Mapping> {
  for await (const piece of mapOf(run.file, run.fileOffset, run.length, call)) {
    yield { ...piece, offset: at + piece.offset - run.fileOffset };
  }
}
