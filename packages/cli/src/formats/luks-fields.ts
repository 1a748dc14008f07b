import type { LuksHeader } from "@instar/luks";

/** A key slot, with the names of `qemu-img info --output=json`. */
export type SlotFields = {
  readonly active: boolean;
  readonly iters?: number;
  readonly "key-offset": number;
  readonly stripes?: number;
};

/** What a LUKS header says, with the names of `qemu-img info --output=json`. */
export type LuksFields = {
  readonly "ivgen-alg": string;
  readonly "hash-alg": string;
  readonly "cipher-alg": string;
  readonly uuid: string;
  readonly "ivgen-hash-alg"?: string;
  readonly "cipher-mode": string;
  readonly slots: readonly SlotFields[];
  readonly "payload-offset": number;
  readonly "master-key-iters": number;
};

/** Tells what a LUKS header says. */
export function luksFields({ suite, hash, uuid, slots, payloadOffset, keyDigestIterations }: LuksHeader): LuksFields {
  return {
    "ivgen-alg": suite.iv,
    "hash-alg": hash,
    "cipher-alg": suite.cipher,
    uuid,
    ...(suite.ivHash !== undefined && { "ivgen-hash-alg": suite.ivHash }),
    "cipher-mode": suite.mode,
    slots: slots.map(({ active, iterations, materialOffset, stripes }): SlotFields =>
      active
        ? { active, iters: iterations, "key-offset": materialOffset, stripes }
        : { active, "key-offset": materialOffset },
    ),
    "payload-offset": payloadOffset,
    "master-key-iters": keyDigestIterations,
  };
}
