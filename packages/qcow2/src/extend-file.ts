import type { Backend, CallOptions } from "@instar/backend";

/**
 * Makes a file at least so long, while nobody else writes to it: by `truncate` where the manifest has it, else by
 * writing the last of the zeroes.
 *
 * @param length in bytes, a multiple of 512
 */
export async function extendFile(file: Backend, length: number, call?: CallOptions): Promise<void> {
  if (file.size >= length) return;
  if (file.capabilities.truncate) await file.truncate(length, call);
  else await file.write(new Uint8Array(512), length - 512, call);
}
