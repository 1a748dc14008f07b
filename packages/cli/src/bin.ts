// What the executable is bundled from.
export { run } from "./main.js";
export { nodeHost } from "./node-host.js";
