import { readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { expect, it, vi } from "vitest";
import { FsBackend } from "../src/index.js";
import { tempDirectory } from "./temp.js";

vi.mock("node:fs/promises", async (original) => {
  const refusal = Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  return { ...(await original<typeof import("node:fs/promises")>()), link: () => Promise.reject(refusal) };
});

const file = await tempDirectory();

it("a file system without hard links has locks all the same", async () => {
  const path = await file("disk.img", "abc");
  const opens = Array.from({ length: 8 }, () => FsBackend.open(path, { write: true }));
  const open = (await Promise.allSettled(opens)).flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  expect(open).toHaveLength(1);
  const locked = expect.objectContaining({ code: "ERR_LOCKED" });
  await expect(FsBackend.open(path)).rejects.toEqual(locked);
  await open[0]?.close();
  expect((await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`))).toEqual([]);
});
