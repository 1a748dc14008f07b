import { type FileHandle } from "node:fs/promises";

import { BackendError, type Extent } from "@instar/backend";

import { type SparseCalls } from "./sparse-calls.js";

/** The extents of a file from `start` up to `end`, as its file system tells them: data, and holes. */
export async function* extentsOfFile(
  name: string,
  calls: SparseCalls,
  handle: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Extent> {
  let at = start;
  while (at < end) {
    const data = await calls.seekData(handle.fd, at);
    // No more data is also what a file says that ends before `at`, and there nothing reads as zeroes.
    if (data === undefined) await refuseShorter(name, handle, end);
    const hole = Math.min(data ?? end, end);
    if (hole > at) yield { offset: at, length: hole - at, kind: "hole" };
    if (hole === end) return;
    at = Math.min(await calls.seekHole(handle.fd, hole), end);
    if (at > hole) yield { offset: hole, length: at - hole, kind: "data" };
  }
}

async function refuseShorter(name: string, handle: FileHandle, end: number): Promise<void> {
  const { size } = await handle.stat();
  if (size >= end) return;
  throw new BackendError("ERR_CHANGED", `${name}: the file now ends at ${size}: somebody else has truncated it`);
}
