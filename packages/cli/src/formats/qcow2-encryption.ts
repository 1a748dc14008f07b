import { isQcow2Error, type Qcow2Image } from "@instar/qcow2";
import { type LuksFields, luksFields } from "./luks-fields.js";

/** How an image is encrypted, with the names of `qemu-img info --output=json`. */
export interface EncryptionFields extends Partial<LuksFields> {
  readonly format: "aes" | "luks";
}

/** Tells how an image is encrypted; `undefined` where it is not. */
export async function encryptionFields(image: Qcow2Image): Promise<EncryptionFields | undefined> {
  const { encryption: format } = image.info();
  if (format !== "luks") return format && { format };
  try {
    const header = await image.encryption?.luksHeader();
    return header && { ...luksFields(header), format };
  } catch (error) {
    // What is not supported here is not worth a failure: the rest can be told.
    if (isQcow2Error(error, "ERR_UNSUPPORTED_FEATURE")) return { format };
    throw error;
  }
}

/** The lines that `qemu-img info` prints. */
export function encryptionLines(fields: EncryptionFields): string[] {
  const { slots = [], ...rest } = fields;
  const lines = ["    encrypt:"];
  const tell = (keys: readonly (keyof typeof rest)[]): void => {
    for (const key of keys) if (rest[key] !== undefined) lines.push(`        ${spaced(key)}: ${rest[key]}`);
  };
  tell(["ivgen-alg", "hash-alg", "cipher-alg", "uuid", "ivgen-hash-alg", "format", "cipher-mode"]);
  if (slots.length > 0) lines.push("        slots:");
  for (const [index, slot] of slots.entries()) {
    lines.push(`            [${index}]:`);
    for (const [key, value] of Object.entries(slot)) lines.push(`                ${spaced(key)}: ${value}`);
  }
  tell(["payload-offset", "master-key-iters"]);
  return lines;
}

function spaced(key: string): string {
  return key.replaceAll("-", " ");
}
