export { nodeTransport } from "./node-transport.js";
export type { TlsOptions } from "./http1/wire.js";
