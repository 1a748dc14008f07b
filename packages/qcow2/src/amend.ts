import { encodeBacking, encodeName } from "./create-options.js";
import { type Qcow2Error, ruleError } from "./errors.js";
import { AUTOCLEAR, COMPATIBLE, hasDataFile, isDataFileRaw } from "./features.js";
import { MAX_REFCOUNT_ORDER, maxGuestSize } from "./geometry.js";
import type { Qcow2Header } from "./header.js";
import { EXTENSION, withExtension } from "./header-extensions.js";
import type { ImageHost } from "./image-host.js";
import type { HeaderChange } from "./live-header.js";
import { refuseDowngrade, toVersion2, toVersion3 } from "./version-switch.js";

/** What of an image is to change. What is left out stays. */
export interface AmendOptions {
  /**
   * 2 or 3 (`compat` 0.10 or 1.1). For version 2 zero clusters become data, or unallocated without a backing file; what
   * it cannot express is refused.
   */
  readonly version?: 2 | 3 | undefined;
  /** Width of refcounts: 1, 2, 4, 8, 16, 32 or 64; 16 in version 2. */
  readonly refcountBits?: number | undefined;
  /** Whether refcounts may be out of date while the image is in use; needs version 3. */
  readonly lazyRefcounts?: boolean | undefined;
  /** Size of the disk in bytes, as `truncate` sets it. */
  readonly size?: number | undefined;
  /**
   * The backing file that the image names from then on, and its format; `null` for none. Nothing is copied, and an
   * image that is open goes on with the backing image that it has: through the other one the guest must see the same.
   */
  readonly backing?: { readonly name: string; readonly format?: string | undefined } | null | undefined;
  /** The external data file that the image names from then on; one that is open goes on with the file that it has. */
  readonly dataFile?: string | undefined;
  /** `false` where the data file by itself is not to be the disk any more; it cannot become so. */
  readonly dataFileRaw?: boolean | undefined;
}

/** Changes what an image says of itself, one thing after another, each of them at once. */
export async function amendImage(host: ImageHost, options: AmendOptions): Promise<void> {
  const { engine, prepare, alone, renew } = host;
  await prepare();
  await alone(async () => {
    // What the image holds by now may be what the other backing file lacks.
    await engine.durability.writeOut();
    const order = await refuseAmend(host, options);
    const { current } = engine.header;
    const { version = current.version, size = current.size } = options;
    const isRemade = version !== current.version || order !== current.refcountOrder;
    // Bitmaps are kept by parts that are made anew.
    if (isRemade) await engine.bitmaps.end();
    try {
      if (version > current.version) await toVersion3(engine);
      for (const step of [lazy, renamed, externalData]) {
        const change = step(engine.header.current, options);
        if (Object.keys(change).length > 0) await engine.header.update(change);
      }
      if (order !== current.refcountOrder) await engine.stateSwitch.run(() => Promise.resolve({}), order);
    } finally {
      if (isRemade) await renew();
    }
    if (size !== current.size) await engine.bitmaps.resize(size, () => engine.resizer.resize(size));
    if (version >= engine.header.current.version) return;
    await engine.durability.writeOut();
    await toVersion2(engine);
    await renew();
  });
}

/** Refuses what cannot be, before anything is changed. Returns the `refcount_order` to come. */
async function refuseAmend(host: ImageHost, options: AmendOptions): Promise<number> {
  const { header, file, layout, bitmaps } = host.engine;
  const { current } = header;
  const { version = current.version, refcountBits = 2 ** current.refcountOrder, lazyRefcounts = false } = options;
  const invalid = (option: string, value: number | string, rule: string): Qcow2Error =>
    ruleError("ERR_INVALID_OPTION", file.name, option, value, rule);
  if (version !== 2 && version !== 3) throw invalid("version", version, "2 or 3");
  const order = Math.log2(refcountBits);
  if (!Number.isInteger(order) || order < 0 || order > MAX_REFCOUNT_ORDER) {
    throw invalid("refcountBits", refcountBits, `a power of two from 1 to ${2 ** MAX_REFCOUNT_ORDER}`);
  }
  if (version === 2 && refcountBits !== 16) throw invalid("refcountBits", refcountBits, "16 in version 2");
  if (version === 2 && lazyRefcounts) throw invalid("lazyRefcounts", "true", "false in version 2");
  const { size = current.size } = options;
  const most = maxGuestSize(layout);
  if (!Number.isSafeInteger(size) || size < 0 || size > most) throw invalid("size", size, `from 0 to ${most}`);
  if (size !== current.size && current.version === 2 && version === 2 && current.snapshotCount > 0) {
    throw invalid("size", size, `${current.size} in version 2 with snapshots`);
  }
  bitmaps.refuseResize(size);
  renamed(current, options, file.name);
  externalData(current, options, file.name);
  if (version < current.version) await refuseDowngrade(host, size);
  return order;
}

function lazy({ version, features }: Qcow2Header, { lazyRefcounts }: AmendOptions): HeaderChange {
  const isLazy = (features.compatible & COMPATIBLE.lazyRefcounts) !== 0n;
  if (lazyRefcounts === undefined || lazyRefcounts === isLazy || version === 2) return {};
  return { features: { ...features, compatible: features.compatible ^ COMPATIBLE.lazyRefcounts } };
}

function renamed(header: Qcow2Header, { backing }: AmendOptions, where = ""): HeaderChange {
  if (backing === undefined) return {};
  if (backing === null) {
    const extensions = withExtension(header.extensions, EXTENSION.backingFormat, undefined);
    return { extensions, backingFileName: new Uint8Array(0) };
  }
  if (isDataFileRaw(header)) {
    const rule = "absent: a raw external data file has all of the disk";
    throw ruleError("ERR_INVALID_OPTION", where, "backing.name", backing.name, rule);
  }
  const { name, format } = encodeBacking(where, backing);
  return { extensions: withExtension(header.extensions, EXTENSION.backingFormat, format), backingFileName: name };
}

function externalData(header: Qcow2Header, { dataFile, dataFileRaw }: AmendOptions, where = ""): HeaderChange {
  const invalid = (option: string, value: string, rule: string): Qcow2Error =>
    ruleError("ERR_INVALID_OPTION", where, option, value, rule);
  if (dataFileRaw === true && !isDataFileRaw(header)) {
    throw invalid("dataFileRaw", "true", "false: what is in a data file does not become the disk");
  }
  if (dataFile !== undefined && !hasDataFile(header)) {
    throw invalid("dataFile", dataFile, "absent: the image has its data in itself");
  }
  const { extensions, features } = header;
  const name = dataFile === undefined ? undefined : encodeName(where, "dataFile.name", dataFile);
  return {
    ...(name && { extensions: withExtension(extensions, EXTENSION.dataFile, name) }),
    ...(dataFileRaw === false && {
      features: { ...features, autoclear: features.autoclear & ~AUTOCLEAR.rawExternalData },
    }),
  };
}
