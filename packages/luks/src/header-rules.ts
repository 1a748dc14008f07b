import { ruleError } from "./errors.js";
import type { KeySlot, LuksHeader } from "./header.js";
import { HEADER_BYTES } from "./sizes.js";

/** Stripes that every program writes; a header may say otherwise, but not so that memory runs out. */
const MAX_STRIPES = 16_000;

/**
 * Checks what the fields of a header say against each other and against the room there is.
 *
 * @throws {@link LuksError} `ERR_INVALID_HEADER`
 */
export function checkHeader(header: LuksHeader, areaBytes: number): void {
  const { payloadOffset, keyDigestIterations, slots } = header;
  if (keyDigestIterations === 0) throw invalid("iterations of the key digest", 0, "at least 1");
  if (payloadOffset < HEADER_BYTES) throw invalid("payload offset", payloadOffset, `at least ${HEADER_BYTES}`);
  for (const [index, slot] of slots.entries()) checkSlot(header, index, slot, areaBytes);
  for (const [index, slot] of slots.entries()) {
    for (const [other, { materialOffset, stripes }] of slots.slice(0, index).entries()) {
      const end = materialOffset + stripes * header.keyBytes;
      if (slot.materialOffset < end && materialOffset < slot.materialOffset + slot.stripes * header.keyBytes) {
        const rule = `outside of that of key slot ${other} (${materialOffset} to ${end})`;
        throw invalid(`key material offset of key slot ${index}`, slot.materialOffset, rule);
      }
    }
  }
}

function checkSlot({ keyBytes, payloadOffset }: LuksHeader, index: number, slot: KeySlot, areaBytes: number): void {
  const { stripes, materialOffset, active, iterations } = slot;
  if (stripes < 1 || stripes > MAX_STRIPES) {
    throw invalid(`stripes of key slot ${index}`, stripes, `1 to ${MAX_STRIPES}`);
  }
  const last = Math.min(payloadOffset, areaBytes) - stripes * keyBytes;
  if (materialOffset < HEADER_BYTES || materialOffset > last) {
    const rule = `behind the header, and such that the material ends before the payload (${HEADER_BYTES} to ${last})`;
    throw invalid(`key material offset of key slot ${index}`, materialOffset, rule);
  }
  if (active && iterations === 0) throw invalid(`iterations of key slot ${index}`, 0, "at least 1");
}

function invalid(field: string, value: number, rule: string): Error {
  return ruleError("ERR_INVALID_HEADER", field, value, rule);
}
