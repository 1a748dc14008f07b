import { randomUUID } from "node:crypto";
import { BackendError, isBackendError } from "@instar/backend";
import { ifAbsent, knownConditions, type S3Conditions, wantsEqualParts } from "./conditions.js";
import { lookAt, publicationHeader, strongEtag } from "./object-state.js";
import type { S3OpenOptions } from "./options.js";
import { probeConditions } from "./probe-conditions.js";
import { Spill } from "./spill.js";
import { removeStaleProbes } from "./stale-probes.js";
import { endStaleUploads } from "./stale-uploads.js";
import type { S3Store } from "./store.js";
import { VersionReader } from "./version-reader.js";
import { WritableObject, type WritableSettings } from "./writable-object.js";

/** Opens an object for writing, or makes one, and ends what writers that died have left of it. */
export async function openWritable(store: S3Store, options: S3OpenOptions): Promise<[WritableObject, S3Conditions]> {
  const { create = "never", signal } = options;
  const { memory, parallel } = checked(options);
  const existing = create === "new" ? undefined : await existingOf(store, create === "replace", signal);
  const known = options.conditions ?? knownConditions(store.address);
  const conditions = known ?? (await probeConditions(store, randomUUID(), signal));
  const reader = existing ?? (create === "new" ? await createEmpty(store, conditions) : absent(store));
  await endStaleUploads(store, options.staleUploads);
  // Where it is not allowed they stay, as small as they are.
  if (!known) await removeStaleProbes(store).catch(() => undefined);
  const spill = options.spill && new Spill(options.spill);
  const equalParts = options.equalParts ?? wantsEqualParts(store.address);
  const settings: WritableSettings = { conditions, memory, spill, parallel, equalParts };
  const object = new WritableObject(store, reader, settings);
  // What is replaced stays until something is published in its place.
  if (create === "replace") await object.truncate(0);
  return [object, conditions];
}

async function existingOf(
  store: S3Store,
  toReplace: boolean,
  signal: AbortSignal | undefined,
): Promise<VersionReader | undefined> {
  try {
    const found = await VersionReader.open(store, !toReplace, signal);
    strongEtag(store.name, found.version.etag);
    return found;
  } catch (error) {
    if (toReplace && isBackendError(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** What stands for an object until it is published for the first time. */
function absent(store: S3Store): VersionReader {
  return new VersionReader(store, { size: 0, etag: undefined, lastModified: undefined });
}

/** @throws {@link BackendError} `ERR_EXISTS` when there is one. */
async function createEmpty(store: S3Store, conditions: S3Conditions): Promise<VersionReader> {
  const token = randomUUID();
  const exists = new BackendError("ERR_EXISTS", `${store.name}: there is an object already`);
  if (conditions.put === "none" && (await lookAt(store))) throw exists;
  const headers = { ...ifAbsent(conditions), [publicationHeader]: token, "content-type": "application/octet-stream" };
  const answer = await store.ask({ method: "PUT", path: store.address.path(), headers, body: new Uint8Array(0) });
  if (answer.status !== 412 && answer.status !== 409) store.demandSuccess(answer);
  // Another has made it, or an attempt of ours whose answer was lost.
  const state = await lookAt(store);
  if (state?.publication !== token) throw exists;
  return new VersionReader(store, { size: 0, etag: state.etag, lastModified: undefined });
}

function checked({ memory = 64 * 2 ** 20, parallelParts = 4, staleUploads = 0 }: S3OpenOptions): {
  readonly memory: number;
  readonly parallel: number;
} {
  const least = (name: string, value: number, bound: number): number => {
    if (Number.isSafeInteger(value) && value >= bound) return value;
    throw new BackendError("ERR_RANGE", `option ${name} is ${value}: it must be an integer from ${bound}`);
  };
  least("staleUploads", staleUploads, 0);
  return { memory: least("memory", memory, 0), parallel: least("parallelParts", parallelParts, 1) };
}
