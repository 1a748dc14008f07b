import { type BackendPlugin } from "@instar/backend";

import { FsBackend, type FsOptions } from "./fs-backend.js";

/** The plugin for local files and block devices: paths and `file:` URLs. */
export function fsPlugin(options: FsOptions = {}): BackendPlugin {
  return {
    name: "fs",
    schemes: ["", "file"],
    open: (location, how) => FsBackend.open(location, { ...how, ...options }),
  };
}
