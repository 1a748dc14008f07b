import type { Backend, CallOptions } from "@instar/backend";
import { CliError } from "../errors.js";
import type { Format } from "../format-names.js";

/** Bytes at the beginning of a disk that can make it look like an image. */
export const PROBED = 2048;

/** What images begin with, and where; the packages of the formats are not loaded to find out. */
const SIGNATURES: readonly (readonly [format: Format, offset: number, signature: readonly number[]])[] = [
  ["qcow2", 0, bytesOf("QFI\xfb")],
  ["luks", 0, bytesOf("LUKS\xba\xbe")],
  ["vmdk", 0, bytesOf("KDMV")],
  ["vmdk", 0, bytesOf("COWD")],
  ["vdi", 64, [0x7f, 0x10, 0xda, 0xbe]],
  ["vpc", 0, bytesOf("conectix")],
  ["vhdx", 0, bytesOf("vhdxfile")],
];

/** What QEMU would take for an image of a format that is not supported here. To take it for raw would copy its tables. */
const UNSUPPORTED: readonly (readonly [format: string, signature: readonly number[]])[] = [
  ["qed", bytesOf("QED\0")],
  ["parallels", bytesOf("WithoutFreeSpace")],
  ["parallels", bytesOf("WithouFreSpacExt")],
  ["bochs", bytesOf("Bochs Virtual HD Image")],
];

/** What a descriptor of a VMDK can begin with: a comment, an empty line, a version. */
const DESCRIPTOR_BEGINS: readonly number[] = bytesOf("# \t\r\nvV");

/**
 * Tells a format by content: what no format claims is raw.
 *
 * @throws {@link CliError} for a format that QEMU knows and this program does not
 */
export async function probeFormat(file: Backend, call: CallOptions): Promise<Format> {
  const head = new Uint8Array(Math.min(file.size, PROBED));
  await file.read(head, 0, call);
  for (const [format, offset, signature] of SIGNATURES) if (holds(head, offset, signature)) return format;
  if (DESCRIPTOR_BEGINS.includes(head[0] ?? 0)) {
    const { probeVmdk } = await import("@instar/vmdk");
    if (await probeVmdk(file, call)) return "vmdk";
  }
  for (const [format, signature] of UNSUPPORTED) {
    if (!holds(head, 0, signature)) continue;
    throw new CliError(`it begins as a ${format} image, which is not supported (-f raw takes it as it is)`);
  }
  return "raw";
}

function holds(head: Uint8Array, offset: number, signature: readonly number[]): boolean {
  return signature.every((byte, index) => head[offset + index] === byte);
}

function bytesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
