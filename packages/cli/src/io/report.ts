import { fixed, formatExact } from "../sizes.js";

/** A request that has been done. */
export interface DoneRequest {
  /** `read`, `wrote` or `discard`. */
  readonly verb: string;
  readonly offset: number;
  readonly length: number;
  readonly milliseconds: number;
}

/** The two lines that qemu-io prints of a request. */
export function report({ verb, offset, length, milliseconds }: DoneRequest): string {
  const seconds = atLeastATick(milliseconds);
  const rates = `${formatExact(length / seconds)}/sec and ${fixed(1 / seconds, 4)} ops/sec`;
  return (
    `${verb} ${length}/${length} bytes at offset ${offset}\n` +
    `${formatExact(length)}, 1 ops; ${clock(milliseconds, false)} (${rates})\n`
  );
}

/** The line that `-C` asks for: bytes, requests, time, bytes and requests each second. */
export function machineReport({ length, milliseconds }: DoneRequest): string {
  const seconds = atLeastATick(milliseconds);
  return `${length},1,${clock(milliseconds, true)},${fixed(length / seconds, 3)},${fixed(1 / seconds, 3)}\n`;
}

/** A clock may not have moved; nothing is divided by zero. */
function atLeastATick(milliseconds: number): number {
  return Math.max(milliseconds, 0.001) / 1000;
}

function clock(milliseconds: number, full: boolean): string {
  const hundredths = Math.floor(milliseconds / 10);
  const pair = (value: number): string => String(value).padStart(2, "0");
  const seconds = Math.floor(hundredths / 100);
  const rest = `${pair(seconds % 60)}.${pair(hundredths % 100)}`;
  if (!full && seconds < 60) return `${rest} sec`;
  return `${Math.floor(seconds / 3600)}:${pair(Math.floor(seconds / 60) % 60)}:${rest}`;
}

/** Bytes as `read -v` shows them, 16 on a line. */
export function hexDump(bytes: Uint8Array, offset: number): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 16) {
    const line = bytes.subarray(at, at + 16);
    const hex = Array.from(line, (byte) => `${byte.toString(16).padStart(2, "0")} `).join("");
    const letters = Array.from(line, (byte) => String.fromCharCode(byte).replace(/[^a-z0-9]/i, ".")).join("");
    text += `${(offset + at).toString(16).padStart(8, "0")}:  ${hex} ${letters}\n`;
  }
  return text;
}
