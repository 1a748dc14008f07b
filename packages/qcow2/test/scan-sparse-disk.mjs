// Run by resident-memory.test.ts in a process of its own: makes, opens and scans a sparse image, and prints the most
// memory that the process has had resident, in bytes.
import { FsBackend } from "@instar/backend-fs";
import { Qcow2Image } from "@instar/qcow2";

const [path = "", size = "0"] = process.argv.slice(2);
const made = await Qcow2Image.create(await FsBackend.open(path, { write: true, create: "new" }), {
  size: Number(size),
});
for (let at = 0; at < made.size; at += made.size / 16) await made.write(Uint8Array.of(1), at);
await made.close();

const image = await Qcow2Image.open(await FsBackend.open(path));
let data = 0;
for await (const extent of image.extents(0, image.size)) data += extent.kind === "data" ? extent.length : 0;
await image.check();
await image.close();
console.log(JSON.stringify({ data, resident: process.resourceUsage().maxRSS * 1024 }));
