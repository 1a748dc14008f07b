import { readBitmapDirectory, refuseBitmapSize } from "./bitmap-directory.js";
import { bitmapFlags, type BitmapEntry } from "./bitmap-entry.js";
import { BitmapSwitch, type WantedBitmap } from "./bitmap-switch.js";
import { viewOf } from "./bytes.js";
import { DirtyBits } from "./dirty-bits.js";
import type { Durability } from "./durability.js";
import { isQcow2Error, Qcow2Error, quote } from "./errors.js";
import { AUTOCLEAR } from "./features.js";
import type { HostFile } from "./host-file.js";
import type { Layout } from "./layout.js";
import type { LiveHeader } from "./live-header.js";
import type { StateSwitch } from "./state-switch.js";

/** Bytes of bits in memory from which on they should be written out. */
const CROWD = 64 * 1024 * 1024;

/** A bitmap while changes are recorded. */
export interface KeptBitmap {
  entry: BitmapEntry;
  /** Whether its bits cannot be relied on. */
  readonly inconsistent: boolean;
  /** What has been set since it was stored; absent where nothing is recorded. */
  bits: DirtyBits | undefined;
}

/** What keeping bitmaps needs. */
export interface BitmapKeeperContext {
  readonly file: HostFile;
  readonly header: LiveHeader;
  readonly layout: Layout;
  readonly stateSwitch: StateSwitch;
  readonly durability: Durability;
}

/**
 * Keeps the bitmaps of an image right while it changes: those that are enabled are marked in use in the file first,
 * record what changes in memory, and are stored at the end.
 */
export class BitmapKeeper {
  readonly #its: BitmapKeeperContext;
  /** The bitmaps, from {@link begin} to {@link end}. */
  bitmaps: readonly KeptBitmap[] = [];
  /** What was found in the file, some of it marked perhaps. */
  #found: { readonly bitmaps: readonly KeptBitmap[]; readonly kept: bigint } | undefined;
  /** What records. */
  #recording: DirtyBits[] = [];
  /** Whether the disk has become smaller since bits were stored. */
  #trim = false;
  #isKeeping = false;

  constructor(context: BitmapKeeperContext) {
    this.#its = context;
  }

  /** Whether they are kept: the file may say that they are in use. */
  get isKeeping(): boolean {
    return this.#isKeeping;
  }

  /** Whether so much is in memory that it should be written out. */
  get crowded(): boolean {
    return this.#recording.length > 0 && this.#recording.reduce((sum, { bytes }) => sum + bytes, 0) > CROWD;
  }

  /** Records that a range of the disk changes. */
  record(begin: number, end: number): void {
    if (end <= begin) return;
    for (const bits of this.#recording) bits.set(begin, end);
  }

  /**
   * Marks the enabled bitmaps in use, durably, before the first change. Returns the autoclear features whose promise is
   * kept from then on: none for a directory that is broken, since nobody can use it any more.
   */
  async begin(): Promise<bigint> {
    this.#found ??= await this.#read();
    const { bitmaps, kept } = this.#found;
    await this.#mark(bitmaps.filter(({ entry }) => entry.auto));
    if (!this.#isKeeping) this.#setBitmaps(bitmaps);
    this.#isKeeping = true;
    return kept;
  }

  async #read(): Promise<{ readonly bitmaps: KeptBitmap[]; readonly kept: bigint }> {
    const { file, header } = this.#its;
    try {
      const entries = await readBitmapDirectory(file, header.current);
      return { bitmaps: entries.map((entry) => this.#kept(entry, !isUsable(entry))), kept: AUTOCLEAR.bitmaps };
    } catch (error) {
      if (isQcow2Error(error, "ERR_CORRUPT")) return { bitmaps: [], kept: 0n };
      throw error;
    }
  }

  /** Marks bitmaps as being in use, in the file, durably. */
  async #mark(bitmaps: readonly KeptBitmap[]): Promise<void> {
    const { file } = this.#its;
    const unmarked = bitmaps.filter(({ entry }) => !entry.inUse);
    if (unmarked.length === 0) return;
    for (const { entry } of unmarked) {
      const flags = new Uint8Array(4);
      viewOf(flags).setUint32(0, bitmapFlags({ ...entry, inUse: true }));
      await file.write(flags, entry.flagsOffset);
    }
    await file.sync();
    for (const bitmap of unmarked) bitmap.entry = { ...bitmap.entry, inUse: true };
  }

  /** Replaces the bitmaps by others, and stores what has been recorded. Nothing else is under way. */
  async replace(wanted: readonly WantedBitmap[]): Promise<void> {
    const present = this.bitmaps.map(({ entry }) => entry);
    const inconsistent = wanted.map((bitmap) => bitmap.inconsistent === true);
    let entries: BitmapEntry[] = [];
    await this.#its.durability.writeOut();
    await this.#its.stateSwitch.run(async (next) => {
      const built = await new BitmapSwitch(this.#its, next).build(present, wanted);
      entries = built.entries;
      return built.change;
    });
    this.#trim = false;
    this.#isKeeping = true;
    this.#setBitmaps(entries.map((entry, index) => this.#kept(entry, inconsistent[index] ?? false)));
  }

  /** Writes recorded bits out where there are too many of them. Nothing else is under way. */
  async store(): Promise<void> {
    if (this.crowded) await this.replace(this.wanted());
  }

  /** What the bitmaps are to be where nothing else changes: recorded bits are stored, and recording goes on. */
  wanted(): WantedBitmap[] {
    return this.bitmaps.map(({ entry, bits, inconsistent }) => {
      const inUse = inconsistent || bits !== undefined;
      return { entry: { ...entry, inUse }, exists: true, inconsistent, bits, trim: this.#trim };
    });
  }

  /** Stores what has been recorded; from here on nothing is in use, and {@link begin} is needed before a change. */
  async end(): Promise<void> {
    if (this.bitmaps.some(({ entry, inconsistent }) => entry.inUse && !inconsistent)) {
      const wanted = this.wanted();
      await this.replace(wanted.map((its) => ({ ...its, entry: { ...its.entry, inUse: its.inconsistent === true } })));
    }
    this.#found = undefined;
    this.#isKeeping = false;
    this.#setBitmaps([]);
  }

  /**
   * Refuses a size of the disk that bitmaps do not allow.
   *
   * @throws {@link Qcow2Error} `ERR_INVALID_OPTION` where one is inconsistent, or would be too large or empty
   */
  refuseResize(size: number): void {
    const { file, header } = this.#its;
    if (size === header.current.size) return;
    const broken = this.bitmaps.find(({ inconsistent }) => inconsistent);
    if (broken) {
      const message = `${file.name}: the disk is not resized while bitmap ${quote(broken.entry.name)} is inconsistent`;
      const rule = "removed before the disk is resized";
      throw new Qcow2Error("ERR_INVALID_OPTION", message, { field: "bitmap", value: broken.entry.name, rule });
    }
    for (const { entry } of this.bitmaps) refuseBitmapSize(file.name, size, entry.granularityBits);
  }

  /**
   * Changes the size of the disk. All bitmaps are in use meanwhile, for their tables do not fit for a while; what is new
   * of the disk is dirty. Throws as {@link refuseResize} does.
   */
  async resize(size: number, change: () => Promise<void>): Promise<void> {
    const old = this.#its.header.current.size;
    if (size === old || this.bitmaps.length === 0) return change();
    this.refuseResize(size);
    await this.#mark(this.bitmaps);
    await change();
    this.#trim ||= size < old;
    this.record(old, size);
    await this.replace(this.wanted());
  }

  #kept(entry: BitmapEntry, inconsistent: boolean): KeptBitmap {
    const records = entry.auto && !inconsistent;
    const bits = records ? new DirtyBits(entry.granularityBits, this.#its.layout.clusterSize) : undefined;
    return { entry, inconsistent, bits };
  }

  #setBitmaps(bitmaps: readonly KeptBitmap[]): void {
    this.bitmaps = bitmaps;
    this.#recording = bitmaps.flatMap(({ bits }) => bits ?? []);
  }
}

/** Whether its bits are right. Of what has extra data that nobody knows, they may mean something else. */
function isUsable({ inUse, extra, extraCompatible }: BitmapEntry): boolean {
  return !inUse && (extra.byteLength === 0 || extraCompatible);
}
