import { storageReferenced } from "./names/image-name.js";
import type { StorageSpec } from "./names/image-spec.js";
import { shownUrl } from "./url-gate.js";

/**
 * What to call a file that an image names; what cannot be followed stands for itself.
 *
 * @param name as the image gives it; empty for the image itself
 * @param base where the image is
 */
export function placeOf(name: string, base: StorageSpec): string {
  if (name === "") return placed(base);
  // A description stands for itself.
  if (name.startsWith("json:")) return name;
  try {
    return placed(storageReferenced(name, base));
  } catch {
    return name;
  }
}

function placed(storage: StorageSpec): string {
  switch (storage.kind) {
    case "file":
      return storage.path;
    case "url":
      return shownUrl(storage.url);
    case "part":
      return placed(storage.whole);
  }
}
