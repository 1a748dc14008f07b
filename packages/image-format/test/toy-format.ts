import { type Backend, BackendError, BaseBackend, type Capabilities, type Extent } from "@instar/backend";

import { ImageError, mappedData, mappedNowhere, type Mapping, readOnlyCapabilities } from "../src/index.js";

/** Faults that a reader of the toy format can have. */
export type Fault =
  | "none"
  | "bytes at the end of a request"
  | "size"
  | "hole that is data"
  | "map to another place"
  | "map in many runs"
  | "map past the end"
  | "file left open"
  | "file closed by a failure"
  | "foreign file taken"
  | "foreign file refused as broken"
  | "probe takes all"
  | "error without a code"
  | "reads all of the file";

const MAGIC = 0x746f7921;
const BLOCK = 4096;

/** An image of the toy format: magic number, count of blocks, and where each block is in the file, 0 for none. */
export function makeToy(disk: Uint8Array): Uint8Array {
  const count = disk.length / BLOCK;
  const blocks: Uint8Array[] = [];
  const head = new Uint8Array(BLOCK);
  const view = new DataView(head.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, count);
  for (let index = 0; index < count; index++) {
    const block = disk.subarray(index * BLOCK, (index + 1) * BLOCK);
    if (!block.some((byte) => byte !== 0)) continue;
    view.setUint32(8 + index * 4, BLOCK * (1 + blocks.length));
    blocks.push(block);
  }
  return Uint8Array.from(Buffer.concat([head, ...blocks]));
}

/** Tells whether a file is of the toy format. */
export async function probeToy(file: Backend): Promise<boolean> {
  if (file.size < 4) return false;
  const head = new Uint8Array(4);
  await file.read(head, 0);
  return new DataView(head.buffer).getUint32(0) === MAGIC;
}

/** A reader of the toy format, with a fault. */
export class ToyImage extends BaseBackend {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #file: Backend;
  readonly #places: readonly number[];
  readonly #fault: Fault;

  private constructor(file: Backend, places: readonly number[], fault: Fault) {
    super();
    this.name = file.name;
    this.capabilities = readOnlyCapabilities(file);
    this.#file = file;
    this.#places = places;
    this.#fault = fault;
  }

  static async open(file: Backend, fault: Fault): Promise<ToyImage> {
    try {
      return new ToyImage(file, await readPlaces(file, fault), fault);
    } catch (error) {
      if (fault === "file closed by a failure") await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#places.length * BLOCK - (this.#fault === "size" ? 512 : 0);
  }

  async *map(offset: number, length: number): AsyncGenerator<Mapping> {
    if (offset + length > this.size && this.#fault !== "map past the end") throw new BackendError("ERR_RANGE", "past");
    let run: Mapping | undefined;
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, at - (at % BLOCK) + BLOCK);
      const place = this.#places[Math.floor(at / BLOCK)] ?? 0;
      const wrong = this.#fault === "map to another place" ? 1 : 0;
      const hostOffset = place + (at % BLOCK) + wrong;
      const next =
        place === 0 ? mappedNowhere(at, end - at) : mappedData(at, end - at, { file: this.name, hostOffset });
      if (run && run.zero === next.zero && this.#fault !== "map in many runs" && follows(run, next)) {
        run = { ...run, length: run.length + next.length };
      } else {
        if (run) yield run;
        run = next;
      }
      at = end;
    }
    if (run) yield run;
  }

  protected override async doRead(target: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < target.length;) {
      const at = offset + done;
      const part = target.subarray(done, done + Math.min(target.length - done, BLOCK - (at % BLOCK)));
      const place = this.#places[Math.floor(at / BLOCK)] ?? 0;
      if (place === 0) part.fill(0);
      else await this.#file.read(part, place + (at % BLOCK));
      done += part.length;
    }
    if (this.#fault === "bytes at the end of a request" && target.length % 2 === 1) target[target.length - 1]! ^= 1;
  }

  protected override async *doExtents(offset: number, length: number): AsyncGenerator<Extent> {
    for await (const { offset: at, length: bytes, zero } of this.map(offset, length)) {
      yield { offset: at, length: bytes, kind: zero || this.#fault === "hole that is data" ? "hole" : "data" };
    }
  }

  protected override async doClose(): Promise<void> {
    if (this.#fault !== "file left open") await this.#file.close();
  }
}

function follows(run: Mapping, next: Mapping): boolean {
  return run.hostOffset === undefined || run.hostOffset + run.length === next.hostOffset;
}

async function readPlaces(file: Backend, fault: Fault): Promise<number[]> {
  const head = new Uint8Array(fault === "reads all of the file" ? file.size : Math.min(file.size, BLOCK));
  await file.read(head, 0);
  const view = new DataView(head.buffer);
  if (fault === "error without a code") view.getUint32(4);
  if (head.length < 8 || view.getUint32(0) !== MAGIC) {
    if (fault === "foreign file taken") return [];
    const code = fault === "foreign file refused as broken" ? "ERR_CORRUPT" : "ERR_NOT_THIS_FORMAT";
    throw new ImageError("toy", code, "not a toy");
  }
  const count = view.getUint32(4);
  if (8 + count * 4 > head.length) throw new ImageError("toy", "ERR_CORRUPT", "too many blocks");
  return Array.from({ length: count }, (_, index) => view.getUint32(8 + index * 4));
}
