import { fork } from "node:child_process";
import { once } from "node:events";
import { publish } from "../table.js";
import { ranges } from "./ranges.js";
import { answerRounds, AT_ONCE, ReaderProcess } from "./reader-process.js";
import { backendReader, dispatchReader, fetchReader, type Reader } from "./readers.js";
import { serve } from "./server.js";

type MakeReader = (url: string) => Reader | Promise<Reader>;

const ROUNDS = 9;

const READERS: ReadonlyMap<string, MakeReader> = new Map<string, MakeReader>([
  ["dispatch", (url) => dispatchReader(url, AT_ONCE)],
  ["backend", backendReader],
  ["fetch", fetchReader],
]);

/** Measures readers in processes of their own, against a server in one more. */
async function main(): Promise<void> {
  const server = fork(import.meta.filename, ["serve"]);
  const [port] = await once(server, "message");
  const url = `http://127.0.0.1:${Number(port)}/disk.img`;
  const readers: ReaderProcess[] = [];
  for (const name of READERS.keys()) readers.push(await ReaderProcess.start(import.meta.filename, [name, url]));
  await publish("http", "Ranges over HTTP, against bare undici", [
    "The server and each reader have processes of their own on one machine; every reader copies the bytes into the caller's buffer.",
    await ranges(readers, 64 * 1024, 1500, ROUNDS),
    await ranges(readers, 1024 * 1024, 200, ROUNDS),
  ]);
  for (const reader of readers) reader.stop();
  server.disconnect();
}

const [role = "", url = ""] = process.argv.slice(2);
const make = READERS.get(role);
if (role === "serve") serve();
else if (make) answerRounds(await make(url));
else await main();
