import { type BackendPlugin } from "@instar/backend";

import { FsBackend } from "./fs-backend.js";

/** The plugin for local files and block devices: paths and `file:` URLs. */
export function fsPlugin(): BackendPlugin {
  return { name: "fs", schemes: ["", "file"], open: (location, options) => FsBackend.open(location, options) };
}
