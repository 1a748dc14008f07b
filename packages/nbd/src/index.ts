export type { NbdExport } from "./nbd-export.js";
export { NbdServer, type NbdServerOptions } from "./nbd-server.js";
