// What the executable that needs no Node.js is compiled from.
import { readFile } from "node:fs";
import { run } from "./main.js";
import { nodeHost } from "./node-host.js";

// Linux takes milliseconds to answer who asks first for its list of locks, as opening a file does.
readFile("/proc/locks", () => {});
process.exitCode = await run(process.argv.slice(2), nodeHost([process.execPath]));
