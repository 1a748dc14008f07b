// What the executable that needs no Node.js is compiled from.
import { readFile } from "node:fs";

// Linux takes milliseconds to answer who asks first for its list of locks, as opening a file does: the program loads
// meanwhile.
readFile("/proc/locks", () => {});
const [{ run }, { nodeHost }] = await Promise.all([import("./main.js"), import("./node-host.js")]);
const code = await run(process.argv.slice(2), nodeHost([process.execPath]));
// Nothing is left to wait for: what was printed is out, but on Windows, where streams print.
if (process.platform === "win32") process.exitCode = code;
else process.exit(code);
