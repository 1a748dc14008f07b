export { FsBackend } from "./fs-backend.js";
export { fsPlugin } from "./fs-plugin.js";
