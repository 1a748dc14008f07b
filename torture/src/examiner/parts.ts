import { concurrency } from "../concurrency/part.ts";
import { faults } from "../faults/part.ts";
import { fuzz } from "../fuzz/part.ts";
import { hostileImages } from "../hostile/part.ts";
import { objectStore } from "../object-store/part.ts";
import { powerCuts } from "../power-cuts/part.ts";
import { repairs } from "../repairs/part.ts";
import { million, soak } from "../soak/part.ts";
import type { Part } from "./part.ts";

/** All ways to examine, in the order in which a long run takes turns among them. */
export const parts: readonly Part[] = [powerCuts, hostileImages, fuzz, faults, concurrency, soak, repairs, objectStore];

/** Those that are only done when they are asked for by name. */
export const longParts: readonly Part[] = [million];
