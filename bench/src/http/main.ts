import { fork } from "node:child_process";
import { once } from "node:events";
import { publish } from "../table.js";
import { ranges } from "./ranges.js";
import { backendReader, dispatchReader, fetchReader } from "./readers.js";
import { serve } from "./server.js";

const ROUNDS = 9;

/** Measures against a server in a process of its own. */
async function main(): Promise<void> {
  const server = fork(import.meta.filename, ["serve"]);
  const [port] = await once(server, "message");
  const url = `http://127.0.0.1:${Number(port)}/disk.img`;
  const readers = [dispatchReader(url, 8), await backendReader(url), fetchReader(url)];
  await publish("http", "Ranges over HTTP, against bare undici", [
    "The server is one more process on the same machine; every reader copies the bytes into the caller's buffer.",
    await ranges(readers, 64 * 1024, 1500, ROUNDS),
    await ranges(readers, 1024 * 1024, 200, ROUNDS),
  ]);
  for (const reader of readers) await reader.close();
  server.disconnect();
}

if (process.argv[2] === "serve") serve();
else await main();
