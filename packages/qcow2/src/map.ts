import { type Backend, type CallOptions, type Extent, extentsOf } from "@instar/backend";
import { mapBelow, type Mapping } from "@instar/image-format";

import type { Run } from "./mapping.js";

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
    if (isNotHere(run)) yield* mapNotHere(source, run, call);
    else yield mappingOf(run, source.file);
    at += run.length;
  }
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
    if (isNotHere(run)) {
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

/** Whether the backing image is asked. */
function isNotHere(run: Run): boolean {
  return run.kind === "unallocated" || run.kind === "reserved";
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

/** What is not in this layer. Where nobody below has it either, the place that is reserved for it is told, as QEMU does. */
async function* mapNotHere(source: MapSource, run: Run, call: CallOptions): AsyncGenerator<Mapping> {
  for await (const piece of mapBelow(source.backing, run.guestOffset, run.length, call)) {
    if (run.kind === "unallocated" || piece.depth > 0) yield piece;
    else yield { ...piece, hostOffset: run.hostOffset + piece.offset - run.guestOffset, file: source.file };
  }
}
