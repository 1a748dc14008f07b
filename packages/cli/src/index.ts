export type { Host, Output } from "./host.js";
export { run } from "./main.js";
export { nodeHost } from "./node-host.js";
