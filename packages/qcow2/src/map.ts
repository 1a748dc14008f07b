import { type Backend, type CallOptions, type Extent, extentsOf } from "@instar/backend";

import type { Run } from "./mapping.js";

/** Guest bytes in a row that come from one place; what `qemu-img map` tells. */
export interface Mapping {
  /** First guest byte. */
  readonly offset: number;
  /** Bytes, greater than 0. */
  readonly length: number;
  /** Which layer of the chain it comes from: 0 is this image, 1 its backing image, and so on. */
  readonly depth: number;
  /** Whether that layer says what is there, rather than nothing in the chain. */
  readonly present: boolean;
  /** Whether it reads as zeroes, as far as is known without reading. */
  readonly zero: boolean;
  /** Whether data is stored. */
  readonly data: boolean;
  /** Whether it is stored compressed. */
  readonly compressed: boolean;
  /** Where in `file` the first byte is stored, where it is stored as it is. */
  readonly hostOffset?: number;
  /** The name of the file that holds it. */
  readonly file?: string;
}

/** A backend that can tell where its bytes come from. */
export interface Mappable {
  map(offset: number, length: number, options?: CallOptions): AsyncIterable<Mapping>;
}

/** What mapping needs of an image. */
export interface MapSource {
  /** The run that begins at a guest offset. */
  readonly run: (offset: number, end: number) => Promise<Run>;
  /** The name of the file. */
  readonly file: string;
  readonly backing: Backend | undefined;
}

/** Where the bytes of a range come from, in pieces that may be alike. */
export async function* mapRange(
  source: MapSource,
  begin: number,
  end: number,
  call: CallOptions,
): AsyncGenerator<Mapping> {
  for (let at = begin; at < end;) {
    call.signal?.throwIfAborted();
    const run = await source.run(at, end);
    if (run.kind === "unallocated") yield* mapBelow(source.backing, at, at + run.length, call);
    else yield mappingOf(run, source.file);
    at += run.length;
  }
}

/** Joins pieces that are alike and lie side by side, in the guest and in the file. */
export async function* joined(pieces: AsyncIterable<Mapping>): AsyncGenerator<Mapping> {
  let last: Mapping | undefined;
  for await (const piece of pieces) {
    if (last && continues(last, piece)) last = { ...last, length: last.length + piece.length };
    else {
      if (last) yield last;
      last = piece;
    }
  }
  if (last) yield last;
}

/** What a range consists of. */
export async function* extentsOfImage(
  source: MapSource,
  begin: number,
  end: number,
  call: CallOptions,
): AsyncGenerator<Extent> {
  for (let at = begin; at < end;) {
    call.signal?.throwIfAborted();
    const run = await source.run(at, end);
    const stop = at + run.length;
    if (run.kind === "unallocated") {
      const stored = Math.max(0, Math.min(stop, source.backing?.size ?? 0) - at);
      if (source.backing && stored > 0) yield* extentsOf(source.backing, at, stored, call);
      if (at + stored < stop) yield { offset: at + stored, length: stop - at - stored, kind: "hole" };
    } else {
      const zero = run.kind === "zero" || run.kind === "zero-allocated";
      yield { offset: at, length: run.length, kind: zero ? "zero" : "data" };
    }
    at = stop;
  }
}

function mappingOf(run: Run, file: string): Mapping {
  const zero = run.kind === "zero" || run.kind === "zero-allocated";
  const compressed = run.kind === "compressed";
  const stored = run.kind === "normal" || run.kind === "zero-allocated";
  return {
    offset: run.guestOffset,
    length: run.length,
    depth: 0,
    present: true,
    zero,
    data: !zero,
    compressed,
    ...(stored && { hostOffset: run.hostOffset, file }),
  };
}

/** What is not in this layer: the backing image has it, or nobody has. */
async function* mapBelow(
  backing: Backend | undefined,
  begin: number,
  end: number,
  call: CallOptions,
): AsyncGenerator<Mapping> {
  const stored = Math.max(0, Math.min(end, backing?.size ?? 0) - begin);
  if (backing && stored > 0) {
    for await (const piece of mapOf(backing, begin, stored, call)) yield { ...piece, depth: piece.depth + 1 };
  }
  if (begin + stored < end) {
    const nowhere = { depth: 0, present: false, zero: true, data: false, compressed: false };
    yield { offset: begin + stored, length: end - begin - stored, ...nowhere };
  }
}

/**
 * Where the bytes of a range of any backend come from: an image tells it itself; of anything else the bytes are its own.
 *
 * @throws what `map` or `extents` of the backend throws
 */
export function mapOf(
  backend: Backend,
  offset: number,
  length: number,
  options: CallOptions = {},
): AsyncIterable<Mapping> {
  return isMappable(backend) ? backend.map(offset, length, options) : mapPlain(backend, offset, length, options);
}

async function* mapPlain(backing: Backend, begin: number, length: number, call: CallOptions): AsyncGenerator<Mapping> {
  for await (const extent of extentsOf(backing, begin, length, call)) {
    const data = extent.kind === "data";
    yield {
      offset: extent.offset,
      length: extent.length,
      depth: 0,
      present: true,
      zero: !data,
      data,
      compressed: false,
      hostOffset: extent.offset,
      file: backing.name,
    };
  }
}

function isMappable(backend: Backend): backend is Backend & Mappable {
  return "map" in backend && typeof backend.map === "function";
}

function continues(last: Mapping, next: Mapping): boolean {
  return (
    last.offset + last.length === next.offset &&
    last.depth === next.depth &&
    last.present === next.present &&
    last.zero === next.zero &&
    last.data === next.data &&
    last.compressed === next.compressed &&
    last.file === next.file &&
    (last.hostOffset === undefined ? next.hostOffset === undefined : last.hostOffset + last.length === next.hostOffset)
  );
}
