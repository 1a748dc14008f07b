import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ranges } from "../http/ranges.js";
import { answerRounds, AT_ONCE, ReaderProcess } from "../http/reader-process.js";
import { dispatchReader, type Reader } from "../http/readers.js";
import { serve } from "../http/server.js";
import { publish } from "../table.js";
import { compareTools } from "./compare-tools.js";
import { serveFar } from "./far-store.js";
import { s3Reader } from "./s3-reader.js";
import { sdkReader } from "./sdk-reader.js";

const ROUNDS = 9;

const READERS: ReadonlyMap<string, (url: string) => Reader | Promise<Reader>> = new Map<
  string,
  (url: string) => Reader | Promise<Reader>
>([
  ["dispatch", (url) => dispatchReader(url, AT_ONCE)],
  ["s3", s3Reader],
  ["sdk", sdkReader],
]);

/** Measures readers of ranges in processes of their own, and then whole commands against those of QEMU. */
async function main(): Promise<void> {
  const server = fork(import.meta.filename, ["serve"]);
  const [port] = await once(server, "message");
  const url = `http://127.0.0.1:${Number(port)}/bucket/disk.img`;
  const readers: ReaderProcess[] = [];
  for (const name of READERS.keys()) readers.push(await ReaderProcess.start(import.meta.filename, [name, url]));
  const small = await ranges(readers, 64 * 1024, 1500, ROUNDS);
  const large = await ranges(readers, 1024 * 1024, 200, ROUNDS);
  for (const reader of readers) reader.stop();
  server.disconnect();
  const instar = fileURLToPath(new URL("../../../packages/cli/bin/instar.cjs", import.meta.url));
  await publish("s3", "Objects in storage: readers of ranges, and whole commands", [
    "The server and each reader have processes of their own on one machine; every reader copies the bytes into the caller's buffer.",
    small,
    large,
    "The commands below read a qcow2 disk of 128 MiB, all of it data, behind a proxy that delays what passes: milliseconds there and back, bandwidth without bound. Each is a process that starts, opens the disk, does its work and ends; none waits until what it wrote is durable. Times are medians of up to nine runs. QEMU's curl driver crashes or hangs at times: such runs are told in parentheses, and tried again. Requests and MiB are as the server counted them, at the longest round trip that was waited for.",
    ...(await compareTools(import.meta.filename, instar)),
  ]);
}

const [role = "", ...rest] = process.argv.slice(2);
const make = READERS.get(role);
if (role === "serve" && rest.length === 0) serve();
else if (role === "serve") await serveFar(Number(rest[0]), rest[1] ?? "");
else if (make) answerRounds(await make(rest[0] ?? ""));
else await main();
