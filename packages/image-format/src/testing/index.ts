export { type DamageLimits, surviveDamage } from "./damage.js";
export { describeImage } from "./describe-image.js";
export { patternDisk, randomFrom } from "./pattern-disk.js";
export { contents, firstDifference, firstLie, memoryOf } from "./reading.js";
export type { ImageFactory, ImageKitOptions, ImageSample } from "./types.js";
