import { HIGH } from "./table-entry.js";

/** A view of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads a big-endian 64-bit number; inexact beyond 2^53. */
export function readU64(view: DataView, position: number): number {
  return view.getUint32(position) * HIGH + view.getUint32(position + 4);
}

/** Writes a big-endian 64-bit number; `value` is an integer from 0 to 2^53-1. */
export function writeU64(view: DataView, position: number, value: number): void {
  view.setUint32(position, Math.floor(value / HIGH));
  view.setUint32(position + 4, value % HIGH);
}

/** Rounds up to a multiple. */
export function alignUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
