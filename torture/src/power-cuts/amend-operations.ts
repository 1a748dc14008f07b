import type { Qcow2Image, Qcow2Info } from "@instar/qcow2";

import { demand } from "../finding.ts";
import type { Guest } from "./guest.ts";
import type { Ledger } from "./ledger.ts";
import type { Operation } from "./operations.ts";

/** What is amended of an image. */
export type Form = Pick<Qcow2Info, "version" | "refcountBits">;

/** A form as a number: 0 for the one that images have at first. */
function numberOf({ version, refcountBits }: Form, first: Form): number {
  return version === first.version && refcountBits === first.refcountBits ? 0 : version * 100 + refcountBits;
}

/** Amends an image that had a form at first to one of the forms, drawn anew each time. */
export function amendTo(first: Form, draw: (guest: Guest<Qcow2Image>) => Form): Operation<Qcow2Image> {
  return {
    name: "amend",
    weight: 3,
    alone: true,
    async run(guest) {
      const form = draw(guest);
      await guest.turn(guest.ledger.form, numberOf(form, first), () => guest.disk.amend(form));
    },
  };
}

/** Compares the form of an image that has lost power. */
export function verifyForm(image: Qcow2Image, first: Form, { form }: Ledger): void {
  const found = numberOf(image.info(), first);
  demand(form.allows(found), () => `version and refcount bits are ${found}, may be ${String(form)}`);
}
