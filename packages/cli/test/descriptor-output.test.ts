import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, createReadStream, openSync } from "node:fs";
import { expect, it } from "vitest";
import { DescriptorOutput } from "../src/descriptor-output.js";
import { scratch } from "./harness.js";

const at = scratch();
const MODULE = new URL("../dist/descriptor-output.js", import.meta.url).href;
const LENGTH = 1_048_576;

it.runIf(process.platform === "linux")("writes all, also where nobody reads yet and it must not wait", async () => {
  execFileSync("mkfifo", [at("fifo")]);
  // Open for both, so that there is a reader; what does not fit is EAGAIN until somebody reads.
  const fifo = openSync(at("fifo"), constants.O_RDWR | constants.O_NONBLOCK);
  const script = [
    `import { DescriptorOutput } from ${JSON.stringify(MODULE)};`,
    `console.error("begins");`,
    `new DescriptorOutput(1).write(new Uint8Array(${LENGTH}).fill(65));`,
  ].join("\n");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", fifo, "pipe"] });
  const ended = once(child, "exit");
  await once(child.stderr ?? child, "data");
  let read = 0;
  for await (const chunk of createReadStream(at("fifo"), { end: LENGTH - 1 })) read += (chunk as Buffer).byteLength;
  expect(read).toBe(LENGTH);
  expect(await ended).toEqual([0, null]);
  closeSync(fifo);
});

it("tells why it cannot write", () => {
  const file = openSync(at("read-only"), "w");
  closeSync(file);
  const told: unknown[] = [];
  new DescriptorOutput(file).write("x", (error) => told.push(error));
  expect(told).toEqual([expect.objectContaining({ code: "EBADF" })]);
});
