import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsBackend } from "@instar/backend-fs";
import type { CacheEvent } from "@instar/lru-cache";
import { Qcow2Image, type ReferenceGate } from "@instar/qcow2";
import { askQemu } from "./examiner.ts";
import { picture } from "./picture.ts";

const MIB = 1024 * 1024;
const repository = join(import.meta.dirname, "..", "..");
const folder = await mkdtemp(join(tmpdir(), "instar-demo-"));
const basePath = join(folder, "base.qcow2");
const overlayPath = join(folder, "overlay.qcow2");

/** Lets an image name files of the demo's own folder, and nothing else. */
const gate: ReferenceGate = async ({ name }) => Qcow2Image.open(await FsBackend.open(join(folder, name)));

/** The documents of this repository, as guest data. */
async function documents(): Promise<{ name: string; bytes: Uint8Array }[]> {
  const names = (await readdir(repository)).filter((name) => name.endsWith(".md") || name === "LICENSE");
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(repository, name)) })));
}

/** The order in which the tables reached the file, in a few words. */
function orderOfWrites(events: readonly CacheEvent<number>[]): string {
  const words = events.flatMap((event) =>
    event.type === "stored" ? [event.cache] : event.type === "synced" ? [`sync (${event.cache})`] : [],
  );
  return words.filter((word, index) => word !== words[index - 1]).join(" -> ");
}

try {
  console.log("1. A base image of 64 MiB, with the documents of this repository on it");
  const base = await Qcow2Image.create(await FsBackend.open(basePath, { write: true, create: "new" }), {
    size: 64 * MIB,
  });
  const files = await documents();
  for (const [index, { bytes }] of files.entries()) await base.write(bytes, (4 + index * 9) * MIB);
  for (const { name, bytes } of files) console.log(`   ${name}: ${bytes.length} bytes`);
  await base.sync();
  console.log(await picture(base));
  await base.close();

  console.log("\n2. An overlay over it: empty, so all that it shows is the base");
  const backing = { name: "base.qcow2", format: "qcow2" };
  const created = await FsBackend.open(overlayPath, { write: true, create: "new" });
  const backingBackend = await Qcow2Image.open(await FsBackend.open(basePath));
  await (await Qcow2Image.create(created, { size: 64 * MIB, backing, backingBackend })).close();
  const events: CacheEvent<number>[] = [];
  const file = await FsBackend.open(overlayPath, { write: true });
  const overlay = await Qcow2Image.open(file, {
    write: true,
    openReferenced: gate,
    observer: (event) => events.push(event),
  });
  console.log(await picture(overlay));

  console.log("\n3. Write 3 MiB side by side, change 5 bytes of a document (copy on write), zero 6 MiB, sync");
  const pattern = new Uint8Array(MIB).map((_, index) => index % 251);
  await Promise.all([24, 25, 26].map((at) => overlay.write(pattern, at * MIB)));
  await overlay.write(new TextEncoder().encode("HELLO"), 4 * MIB + 2);
  await overlay.writeZeroes(40 * MIB, 6 * MIB);
  events.length = 0;
  await overlay.sync();
  console.log(await picture(overlay));
  console.log(`   refcounts are durable before the tables that need them: ${orderOfWrites(events)}`);

  console.log("\n4. Read back");
  const first = files[0]?.bytes ?? new Uint8Array();
  const seen = new Uint8Array(first.length);
  await overlay.read(seen, 4 * MIB);
  const wanted = Uint8Array.from(first);
  wanted.set(new TextEncoder().encode("HELLO"), 2);
  const same = Buffer.compare(seen, wanted) === 0;
  console.log(
    `   ${files[0]?.name} through the overlay, with the 5 bytes changed: ${same ? "as it should be" : "WRONG"}`,
  );
  for (const [name, { hits, misses, writeBacks, syncs }] of Object.entries(overlay.counters)) {
    console.log(
      `   cache ${name.padEnd(13)} ${hits} hits, ${misses} misses, ${writeBacks} write-backs, ${syncs} syncs`,
    );
  }

  console.log("\n5. The verdict");
  const report = await overlay.check();
  const allocated = `${report.allocatedClusters} of ${report.totalClusters} clusters allocated`;
  console.log(`   check:            ${report.corruptions} corruptions, ${report.leaks} leaks; ${allocated}`);
  const rawPath = join(folder, "read-by-instar.raw");
  const raw = await FsBackend.open(rawPath, { write: true, create: "new" });
  for (let at = 0; at < overlay.size; at += MIB) {
    await overlay.read(pattern, at);
    await raw.write(pattern, at);
  }
  await raw.close();
  await overlay.close();
  console.log(`   qemu-img check:   ${askQemu("check", overlayPath)}`);
  console.log(`   qemu-img compare: ${askQemu("compare", "-F", "raw", overlayPath, rawPath)} (its reading and ours)`);
  if (!same || report.corruptions > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
