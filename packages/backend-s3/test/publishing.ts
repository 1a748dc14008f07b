import { expect } from "vitest";
import type { S3OpenOptions } from "../src/index.js";
import { pattern } from "./disks.js";
import type { Fault } from "./faults.js";
import { type SmallStore, startSmallStore } from "./small-store.js";

export const mebibyte: number = 2 ** 20;
/** Of several parts. */
export const large: Uint8Array = pattern(16 * mebibyte);
/** Put as a whole. */
export const small: Uint8Array = pattern(300_000);
/** What is written. */
export const patch: Uint8Array = pattern(1000, 99);
const account = { accessKeyId: "key", secretAccessKey: "hunter2" };

/** A store with an object `bucket/disk`. */
export async function storeWith(contents: Uint8Array): Promise<SmallStore> {
  const store = await startSmallStore();
  store.account = account;
  store.put("bucket/disk", contents, { "content-type": "x/disk", "x-amz-meta-owner": "me" });
  return store;
}

/** Opens for writing where the store compares and replaces in one step. */
export const writing: Partial<S3OpenOptions> = { write: true, conditions: { put: "quoted", complete: true } };

/** The object has these bytes. */
export function expectObject(store: SmallStore, expected: Uint8Array): void {
  const found = store.objects.get("bucket/disk")?.body ?? Buffer.alloc(0);
  expect(found.length).toBe(expected.length);
  expect(Buffer.compare(found, expected)).toBe(0);
}

/** A copy of `contents` with some changes. */
export function changed(contents: Uint8Array, ...changes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const copy = contents.slice();
  for (const [offset, bytes] of changes) copy.set(bytes, offset);
  return copy;
}

/** Tells requests of one kind. */
export type Step = (method: string, url: string) => boolean;

/** Answers the n-th request that `matches` with a fault, and all others rightly. */
export function nth(count: number, matches: Step, fault: Fault): Fault {
  let seen = 0;
  return (request, response, serve) => {
    const meant = matches(request.method ?? "", request.url ?? "") && ++seen === count;
    if (meant) fault(request, response, serve);
    else serve();
  };
}

export const isPut: Step = (method) => method === "PUT";
export const isPart: Step = (method, url) => method === "PUT" && url.includes("partNumber");
export const isComplete: Step = (method, url) => method === "POST" && url.includes("uploadId");
