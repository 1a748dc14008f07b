import { writeSync } from "node:fs";
import { createRequire } from "node:module";

/** Where the milliseconds are told. */
const TOLD = 3;

// Runs the executable, and tells how long that takes once Node has started.
const begin = performance.now();
process.on("exit", () => void writeSync(TOLD, String(performance.now() - begin)));
process.argv.splice(1, 1);
createRequire(import.meta.url)(process.argv[1] ?? "");
