// What the executable that needs no Node.js is compiled from.
import { readFile } from "node:fs";
import { run } from "./main.js";
import { nodeHost } from "./node-host.js";

// Linux takes milliseconds to answer who asks first for its list of locks, as opening a file does.
readFile("/proc/locks", () => {});
const code = await run(process.argv.slice(2), nodeHost([process.execPath]));
// Nothing is left to wait for: what was printed is out, but on Windows, where streams print.
if (process.platform === "win32") process.exitCode = code;
else process.exit(code);
