import { S3Backend, type S3OpenOptions } from "@instar/backend-s3";
import { isBackendError } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { buildApp } from "fauxqs";

import { beat } from "../examiner/heart.ts";
import { type Part, Tally } from "../examiner/part.ts";
import { demand, Finding, messageOf } from "../finding.ts";
import { Random } from "../random.ts";
import { sectorBuffer, stampSectors, valueOf } from "../sectors.ts";
import { DyingTransport } from "./dying-transport.ts";

/** Sectors of the disk: more than an object may have that is sent as a whole. */
const SECTORS = 34_000;
const CREDENTIALS = { accessKeyId: "key", secretAccessKey: "secret" };
const CONDITIONS = { put: "none", complete: false } as const;

/** Lets a writer of an image in an object store lose power at every request that changes something. */
export const objectStore: Part = {
  name: "object-store",
  async run(job, seed) {
    const app = buildApp({ logger: false });
    try {
      const endpoint = await app.listen({ port: 0, host: "127.0.0.1" });
      await fetch(`${endpoint}/disks`, { method: "PUT" });
      return await everyRequest(endpoint, [seed, job]);
    } finally {
      await app.close();
    }
  },
};

async function everyRequest(endpoint: string, seeds: readonly number[]): Promise<Tally> {
  const tally = new Tally();
  await writeFirstVersion({ bucket: "disks", key: "first", endpoint, credentials: CREDENTIALS });
  for (let last = 0, survived = false; !survived; last++) {
    for (const arrives of [true, false]) {
      const where = { bucket: "disks", key: `${last}-${arrives}`, endpoint, credentials: CREDENTIALS, retries: 0 };
      const headers = { "x-amz-copy-source": "/disks/first" };
      const copied = await fetch(`${endpoint}/disks/${where.key}`, { method: "PUT", headers });
      if (!copied.ok) throw new Error(`the store does not copy: ${copied.status}`);
      try {
        survived = await cutAt(where, new DyingTransport(last, arrives), new Random(...seeds, last));
      } catch (error) {
        const how = arrives ? "which still arrives" : "which gets lost";
        throw new Finding(`power cut at request ${last}, ${how}: ${messageOf(error)}`, { cause: error });
      }
      tally.add("power cuts at a request", 1);
      beat();
    }
  }
  return tally;
}

/** An image all of whose sectors hold 1. */
async function writeFirstVersion(where: Where): Promise<void> {
  const file = await S3Backend.open({ ...where, write: true, create: "new", conditions: CONDITIONS });
  const image = await Qcow2Image.create(file, { size: SECTORS * 512 });
  await image.write(stampSectors(0, SECTORS, 1), 0);
  await image.close();
}

type Where = Pick<S3OpenOptions, "bucket" | "key" | "endpoint" | "credentials" | "retries">;

function openImage(where: Where, transport: DyingTransport): Promise<Qcow2Image> {
  const options = { ...where, write: true, conditions: CONDITIONS, staleUploads: 0, transport };
  return S3Backend.open(options).then((file) => Qcow2Image.open(file, { write: true }));
}

/** @returns whether the writer got through before its power was cut */
async function cutAt(where: Where, transport: DyingTransport, random: Random): Promise<boolean> {
  const changed = new Set(Array.from({ length: 2 }, () => random.below(SECTORS)));
  let acknowledged = false;
  try {
    const image = await openImage(where, transport);
    await Promise.all([...changed].map((sector) => image.write(stampSectors(sector, 1, 2), sector * 512)));
    await image.sync();
    acknowledged = true;
  } catch (error) {
    demand(transport.isDead && isBackendError(error), () => `the writer fails: ${messageOf(error)}`);
  }
  await transport.close();

  const later = await openImage(where, new DyingTransport(Infinity, true));
  await expectVersion(later, changed, acknowledged);
  await later.write(stampSectors(7, 1, 1), 7 * 512);
  await later.sync();
  await later.close();
  return acknowledged && !transport.isDead;
}

/** The old version or the new one, and nothing between; the new one where that was acknowledged. */
async function expectVersion(image: Qcow2Image, changed: ReadonlySet<number>, acknowledged: boolean): Promise<void> {
  const { corruptions, checkErrors } = await image.check();
  demand(corruptions + checkErrors === 0, () => "the image is corrupt");
  const { bytes, words } = sectorBuffer(SECTORS);
  await image.read(bytes, 0);
  const values = new Set([...changed].map((sector) => valueOf(words, sector, sector)));
  const [version] = values;
  demand(values.size === 1 && (version === 2 || (version === 1 && !acknowledged)), () => {
    return `what was written together holds ${[...values].join(", ")}${acknowledged ? ", and was acknowledged" : ""}`;
  });
  for (let sector = 0; sector < SECTORS; sector++) {
    const value = valueOf(words, sector, sector);
    demand(changed.has(sector) || value === 1, () => `sector ${sector} holds ${value}`);
  }
}
