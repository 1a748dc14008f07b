export { nodeTransport } from "./node-transport.js";
