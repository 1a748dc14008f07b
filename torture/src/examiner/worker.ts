import { parentPort, workerData } from "node:worker_threads";

import { messageOf } from "../finding.ts";
import { watchedBy } from "./heart.ts";
import { longParts, parts } from "./parts.ts";
import type { Order, Outcome } from "./pool.ts";

/** Does jobs in a thread of its own, one at a time, as `Pool` orders. */
const port = parentPort;
if (!port) throw new Error("worker.ts runs as a worker thread");
watchedBy(workerData as Int32Array);

let stray: unknown;
process.on("unhandledRejection", (reason) => (stray = reason));

async function outcomeOf({ part: name, job, seed }: Order): Promise<Outcome> {
  stray = undefined;
  try {
    const part = [...parts, ...longParts].find((each) => each.name === name);
    if (!part) throw new Error(`there is no part ${name}`);
    const { counts } = await part.run(job, seed);
    // A rejection counts as unhandled once microtasks have run out.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    return stray === undefined ? { counts } : { finding: `unhandled rejection: ${messageOf(stray)}` };
  } catch (error) {
    return { finding: messageOf(error) };
  }
}

port.on("message", (order: Order) => void outcomeOf(order).then((outcome) => port.postMessage(outcome)));
