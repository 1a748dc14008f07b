import { BackendError } from "@instar/backend";
import { expect, it } from "vitest";
import { pattern } from "./bytes.js";
import type { RecordingBackend } from "./recording-backend.js";
import { failCalls, setUp } from "./setup.js";

/** Two caches, and the calls of both backends in one list. */
function twoCaches() {
  const log: string[] = [];
  const make = (name: string) => {
    const made = setUp(16 * 512, { name, bytes: 4 * 512 });
    made.below.before = ({ method }) => void log.push(`${name} ${method}`);
    return made;
  };
  return { log, table: make("table"), data: make("data") };
}

it("holds back writes until what they depend on is durable", async () => {
  const { log, table, data } = twoCaches();
  await data.cache.write(pattern(512, 1), 0);
  await table.cache.node.dependsOn(data.cache.node);
  await table.cache.write(pattern(512, 2), 0);
  await table.cache.sync();
  expect(log).toEqual(["data write", "data sync", "table write", "table sync"]);
});

it("holds back evictions too", async () => {
  const { log, table, data } = twoCaches();
  await table.cache.sync();
  await data.cache.sync();
  log.length = 0;
  await data.cache.write(pattern(512, 1), 0);
  await table.cache.node.dependsOn(data.cache.node);
  for (let at = 0; at < 5; at++) await table.cache.write(pattern(512, 2), at * 512);
  expect(log.slice(0, 3)).toEqual(["data write", "data sync", "table write"]);
});

it("holds back zeroes, discards and truncates, which go past the cache", async () => {
  for (const change of ["writeZeroes", "discard", "truncate"] as const) {
    const { log, table, data } = twoCaches();
    await data.cache.write(pattern(512, 1), 0);
    await table.cache.node.dependsOn(data.cache.node);
    await table.cache[change](1024, 512);
    expect(log).toEqual(["data write", "data sync", `table ${change}`]);
  }
});

it("counts zeroes, discards and truncates among what has to be durable", async () => {
  for (const change of ["writeZeroes", "discard", "truncate"] as const) {
    const { log, table, data } = twoCaches();
    await data.cache.sync();
    await data.cache[change](1024, 512);
    log.length = 0;
    await table.cache.node.dependsOn(data.cache.node);
    await table.cache.write(pattern(512, 2), 0);
    await table.cache.sync();
    expect(log).toEqual(["data sync", "table write", "table sync"]);
    expect(data.cache.node.pending).toBe(false);
  }
});

it("costs nothing where the other cache has nothing pending", async () => {
  const { log, table, data } = twoCaches();
  await data.cache.write(pattern(512, 1), 0);
  await data.cache.sync();
  log.length = 0;
  await table.cache.node.dependsOn(data.cache.node);
  await table.cache.write(pattern(512, 2), 0);
  await table.cache.sync();
  expect(log).toEqual(["table write", "table sync"]);
});

it("writes nothing while what it depends on cannot be made durable, and loses nothing", async () => {
  const { table, data } = twoCaches();
  const fail = (below: RecordingBackend) =>
    failCalls(below, new BackendError("ERR_IO", "no sync"), ({ method }) => method === "sync");
  await data.cache.write(pattern(512, 1), 0);
  await table.cache.node.dependsOn(data.cache.node);
  await table.cache.write(pattern(512, 2), 0);
  fail(data.below);
  await expect(table.cache.sync()).rejects.toMatchObject({ code: "ERR_IO" });
  await expect(table.cache.writeZeroes(512, 512)).rejects.toMatchObject({ code: "ERR_IO" });
  expect(table.below.of("write")).toEqual([]);
  expect(table.below.of("writeZeroes")).toEqual([]);
  data.below.before = () => {};
  await table.cache.sync();
  expect(table.stored().subarray(0, 512)).toEqual(pattern(512, 2));
});
