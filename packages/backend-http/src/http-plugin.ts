import type { BackendPlugin } from "@instar/backend";
import { HttpBackend } from "./http-backend.js";
import type { HttpOptions } from "./http-options.js";

/** The plugin for `http:` and `https:` URLs. */
export function httpPlugin(options: HttpOptions = {}): BackendPlugin {
  return {
    name: "http",
    schemes: ["http", "https"],
    open: (location, how) => HttpBackend.open(location, { ...how, ...options }),
  };
}
