export type { NbdExport } from "./nbd-export.js";
export type { NbdTlsOptions } from "./tls.js";
export { NbdServer, type NbdServerOptions } from "./nbd-server.js";
