import { probePrefix } from "./probe-conditions.js";
import type { S3Store, StoreRequest } from "./store.js";
import { elements, textOf } from "./xml.js";

/** How old an object must be that was to find out what the store honours, for its maker to be dead, in milliseconds. */
const stale = 3_600_000;

/** Removes the objects that writers left behind which died while they found out what the store honours. */
export async function removeStaleProbes(store: S3Store): Promise<void> {
  const { key, bucketPath } = store.address;
  const prefix = probePrefix(key);
  const query = [
    ["list-type", "2"],
    ["prefix", prefix],
  ] as const;
  const request: StoreRequest = { method: "GET", path: bucketPath, query, headers: {}, bodyLimit: 2 ** 21 };
  const { body, headers } = await store.success(request);
  const now = Date.parse(String(headers["date"]));
  for (const object of elements(body, "Contents")) {
    const name = textOf(object, "Key");
    const age = now - Date.parse(textOf(object, "LastModified") ?? "");
    if (!name?.startsWith(prefix) || !(age >= stale)) continue;
    await store.ask({ method: "DELETE", path: store.address.path(name), headers: {} });
  }
}
