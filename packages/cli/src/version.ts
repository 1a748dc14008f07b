import { readFileSync } from "node:fs";

/** Where the manifest is, seen from a module, and from the bundle of the executable. */
const PLACES = ["../package.json", "../../package.json"] as const;

/** The version of the package. */
export function readVersion(): string {
  for (const place of PLACES) {
    const version = versionIn(new URL(place, import.meta.url));
    if (version !== undefined) return version;
  }
  return "unknown";
}

function versionIn(url: URL): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(url, "utf8"));
    if (typeof manifest !== "object" || manifest === null || !("name" in manifest)) return undefined;
    return manifest.name === "@instar/cli" && "version" in manifest ? String(manifest.version) : undefined;
  } catch {
    return undefined;
  }
}
