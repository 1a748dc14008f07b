export { FsBackend, type FsOpenOptions, type FsOptions } from "./fs-backend.js";
export { fsPlugin } from "./fs-plugin.js";
export { type Koffi, type KoffiFunction, linuxSparseCalls } from "./linux-sparse-calls.js";
export { type SparseCalls } from "./sparse-calls.js";
