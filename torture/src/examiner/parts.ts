import { powerCuts } from "../power-cuts/part.ts";
import { hostileImages } from "../hostile/part.ts";
import { faults } from "../faults/part.ts";
import type { Part } from "./part.ts";

/** All ways to examine, in the order in which a long run takes turns among them. */
export const parts: readonly Part[] = [powerCuts, hostileImages, faults];
