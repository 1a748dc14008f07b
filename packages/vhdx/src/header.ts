import type { Backend, CallOptions } from "@instar/backend";
import { ImageError } from "@instar/image-format";

import { guidAt, isText, MIB, readU64, readView } from "./bytes.js";
import { isSealed } from "./crc32c.js";
import { ruleError } from "./rule-error.js";

/** The header in use. Offsets and sizes are bytes. */
export interface Header {
  readonly sequence: number;
  /** Changes when what the guest sees does; a differencing image names the one of its parent. */
  readonly dataWriteGuid: string;
  /** The log belongs to entries of this GUID; nil where it is empty. */
  readonly logGuid: string;
  readonly logOffset: number;
  readonly logLength: number;
}

const SIGNATURE = "vhdxfile";
const PLACES = [64 * 1024, 128 * 1024] as const;
const LENGTH = 4096;

/** Whether the file begins with the signature of VHDX; nothing else is looked at. */
export async function probeVhdx(file: Backend, options?: CallOptions): Promise<boolean> {
  if (file.size < SIGNATURE.length) return false;
  const view = await readView(file, "signature", 0, SIGNATURE.length, options?.signal);
  return isText(view, 0, SIGNATURE);
}

/**
 * Reads both headers; the one in use is valid and has the greater sequence number.
 *
 * @throws {@link ImageError} `ERR_NOT_THIS_FORMAT`, `ERR_TRUNCATED`, `ERR_CORRUPT`, `ERR_UNSUPPORTED_VERSION`, `ERR_INVALID_HEADER`
 */
export async function readHeader(file: Backend, signal: AbortSignal | undefined): Promise<Header> {
  const where = file.name;
  if (!(await probeVhdx(file, { signal }))) {
    const rule = `begin with "${SIGNATURE}"`;
    throw new ImageError("vhdx", "ERR_NOT_THIS_FORMAT", `${where}: not a VHDX image`, { field: "signature", rule });
  }
  let current: DataView | undefined;
  for (const place of PLACES) {
    const view = await readView(file, "header", place, LENGTH, signal);
    if (!isText(view, 0, "head") || !isSealed(view, 4)) continue;
    const ahead = current ? view.getBigUint64(8, true) - current.getBigUint64(8, true) : 1n;
    if (ahead === 0n && current?.getUint32(4) !== view.getUint32(4)) {
      const rule = "not be that of both headers, which are not the same";
      throw ruleError("ERR_CORRUPT", where, "SequenceNumber", readU64(view, 8), rule);
    }
    if (ahead > 0n) current = view;
  }
  if (!current) {
    const rule = `be there at ${PLACES.join(" or ")}, with a checksum that is right`;
    throw ruleError("ERR_CORRUPT", where, "header", "missing or damaged", rule);
  }
  return parse(where, current);
}

function parse(where: string, view: DataView): Header {
  const version = view.getUint16(66, true);
  if (version !== 1) throw ruleError("ERR_UNSUPPORTED_VERSION", where, "Version", version, "be 1");
  const logVersion = view.getUint16(64, true);
  if (logVersion !== 0) throw ruleError("ERR_UNSUPPORTED_VERSION", where, "LogVersion", logVersion, "be 0");
  const logLength = view.getUint32(68, true);
  const logOffset = readU64(view, 72);
  for (const [field, value] of [
    ["LogLength", logLength],
    ["LogOffset", logOffset],
  ] as const) {
    if (value % MIB === 0 && Number.isSafeInteger(value)) continue;
    throw ruleError("ERR_INVALID_HEADER", where, field, value, `be a multiple of ${MIB}`);
  }
  const sequence = readU64(view, 8);
  return { sequence, dataWriteGuid: guidAt(view, 32), logGuid: guidAt(view, 48), logOffset, logLength };
}
