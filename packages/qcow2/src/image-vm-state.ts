import { type Backend, BackendError, type CallOptions } from "@instar/backend";

import type { ImageHost } from "./image-host.js";
import type { VmState } from "./vm-state.js";

/** Clusters that are changed at once. */
const CHUNK = 1024 * 1024;

/** Reads and writes what {@link VmState} promises. */
export class ImageVmState implements VmState {
  readonly #host: ImageHost;
  readonly #image: Backend;

  /** @param image the disk, whose rules are also those of the state */
  constructor(host: ImageHost, image: Backend) {
    this.#host = host;
    this.#image = image;
  }

  async read(target: Uint8Array, offset: number, options: CallOptions = {}): Promise<void> {
    await this.#image.read(new Uint8Array(0), 0, options);
    this.#refuse("read", offset, target.byteLength);
    await this.#host.alone(() => this.#read(target, this.#start + offset, options.signal));
  }

  async write(source: Uint8Array, offset: number, options: CallOptions = {}): Promise<void> {
    await this.#image.write(new Uint8Array(0), 0, options);
    this.#refuse("write", offset, source.byteLength);
    if (source.byteLength === 0) return;
    await this.#host.prepare();
    await this.#host.alone(() => this.#write(source, this.#start + offset, options.signal));
  }

  /** The first guest byte of the first L1 entry that maps nothing of the disk, as in QEMU. */
  get #start(): number {
    const { header, layout } = this.#host.engine;
    return Math.ceil(header.current.size / layout.l2Coverage) * layout.l2Coverage;
  }

  /** What is in no cluster of the image is zero, whatever the backing image has so far behind the disk. */
  async #read(target: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { map, reader, layout, header } = this.#host.engine;
    const end = Math.min(offset + target.byteLength, header.current.l1Size * layout.l2Coverage);
    target.fill(0, Math.max(0, end - offset));
    for (let at = offset; at < end;) {
      const run = await map.run(at, end);
      const part = target.subarray(at - offset, at - offset + run.length);
      if (run.kind === "unallocated" || run.kind === "reserved") part.fill(0);
      else await reader.read(part, at, signal);
      at += run.length;
    }
  }

  /** Whole clusters: nothing has to be filled up with what the disk would show there. */
  async #write(source: Uint8Array, offset: number, signal: AbortSignal | undefined): Promise<void> {
    const { layout, resizer, writer } = this.#host.engine;
    const step = Math.max(CHUNK, layout.clusterSize);
    const end = offset + source.byteLength;
    await resizer.reach(end);
    for (let begin = offset - (offset % layout.clusterSize); begin < end; begin += step) {
      const stop = Math.min(begin + step, Math.ceil(end / layout.clusterSize) * layout.clusterSize);
      const bytes = new Uint8Array(stop - begin);
      await this.#read(bytes, begin, signal);
      const from = Math.max(begin, offset);
      bytes.set(source.subarray(from - offset, stop - offset), from - begin);
      await writer.write(bytes, begin, signal);
    }
  }

  #refuse(operation: string, offset: number, length: number): void {
    const { file, layout } = this.#host.engine;
    const what = `${file.name}: ${operation} of ${length} bytes of the VM state at ${offset}`;
    if (layout.external) throw new BackendError("ERR_UNSUPPORTED", `${what}: the data is in another file`);
    const end = this.#start + offset + length;
    if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(end)) return;
    throw new BackendError("ERR_RANGE", `${what} is no range`);
  }
}
