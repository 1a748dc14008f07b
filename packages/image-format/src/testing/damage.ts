import { type Backend, BaseBackend, type Capabilities, isBackendError, MemoryBackend } from "@instar/backend";
import { ConformanceError } from "@instar/backend/conformance";

import { isImageError } from "../image-error.js";

/** What opening a damaged file and reading from it may cost. */
export interface DamageLimits {
  /** Most bytes of the file that are read in all; defaults to 24 MiB. */
  readonly bytes?: number | undefined;
  /** Most bytes of the file that one request reads; defaults to 64 KiB, which is as much as {@link surviveDamage} asks for. */
  readonly longest?: number | undefined;
}

/** So much of the disk is asked for at once. */
const PIECE = 65_536;
/** At so many places. */
const PLACES = 20;
/** A damaged image may have many extents. */
const EXTENTS = 300;

/**
 * Opens a damaged image and reads here and there, and of its extents what can be had in a while. Any of that may fail,
 * but with an `ImageError` or a `BackendError`, and without reading more of the file than `limits` allow.
 *
 * @param what names the damage, for the message of a failure
 * @throws `ConformanceError`
 */
export async function surviveDamage(
  bytes: Uint8Array,
  what: string,
  open: (file: Backend) => Promise<Backend>,
  limits: DamageLimits = {},
): Promise<void> {
  const { bytes: most = 24 * 2 ** 20, longest = PIECE } = limits;
  const file = new Metered(bytes);
  for (const error of await failuresOf(() => open(file))) {
    if (isImageError(error) || isBackendError(error)) continue;
    throw new ConformanceError(`${what}: fails with what is no error of the image: ${String(error)}`, { cause: error });
  }
  if (file.bytes > most) throw new ConformanceError(`${what}: ${file.bytes} bytes are read, at most ${most} may be`);
  if (file.longest <= longest) return;
  throw new ConformanceError(`${what}: ${file.longest} bytes are read at once, at most ${longest} may be`);
}

async function failuresOf(open: () => Promise<Backend>): Promise<unknown[]> {
  const failures: unknown[] = [];
  try {
    const disk = await open();
    const target = new Uint8Array(Math.min(PIECE, disk.size));
    for (let step = 0; step <= PLACES; step++) {
      const offset = Math.floor((Math.max(0, disk.size - PIECE) / PLACES) * step);
      // One bad block must not hide the next.
      await disk.read(target, offset).catch((error: unknown) => failures.push(error));
    }
    let steps = 0;
    for await (const _ of disk.extents(0, disk.size)) if (++steps >= EXTENTS) break;
  } catch (error) {
    failures.push(error);
  }
  return failures;
}

/** The bytes of a file; counts what is asked of it. */
class Metered extends BaseBackend {
  readonly name = "metered";
  readonly capabilities: Capabilities = { ...new MemoryBackend({ readOnly: true }).capabilities, extents: false };
  readonly #file: Uint8Array;
  /** Bytes read so far. */
  bytes = 0;
  /** The longest read. */
  longest = 0;

  constructor(file: Uint8Array) {
    super();
    this.#file = file;
  }

  get size(): number {
    return this.#file.length;
  }

  protected async doRead(target: Uint8Array, offset: number): Promise<void> {
    this.bytes += target.length;
    this.longest = Math.max(this.longest, target.length);
    target.set(this.#file.subarray(offset, offset + target.length));
  }
}
