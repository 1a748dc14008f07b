export { nodeTransport, type NodeTransportOptions } from "./node-transport.js";
export type { TlsOptions } from "./http1/wire.js";
