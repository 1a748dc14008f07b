import { type Backend, isBackendError } from "@instar/backend";
import { ConformanceError, type TestRunner } from "@instar/backend/conformance";

import { joinMappings, mapOf, type Mapping } from "../mapping.js";
import { contents, firstDifference, firstLie, memoryOf } from "./reading.js";
import { FILE_NAME, type Trial } from "./trial.js";
import type { ImageSample } from "./types.js";

/** Rules of what an image tells of its content. */
export function contentRules(runner: TestRunner, { sample, open }: Trial): void {
  const opened = async (): Promise<Backend> => open(await memoryOf(sample.file, FILE_NAME));

  runner.it("has the bytes of the disk, wherever a request begins and ends", async () => {
    const disk = await opened();
    if (disk.size !== sample.disk.length) {
      throw new ConformanceError(`the size is ${disk.size}, must be ${sample.disk.length}`);
    }
    for (const piece of [777_777, 65_536 - 1, sample.disk.length]) {
      const wrong = firstDifference(await contents(disk, piece), sample.disk);
      if (wrong >= 0) throw new ConformanceError(`byte ${wrong} is wrong, read in pieces of ${piece}`);
    }
  });

  runner.it("tells of extents that cover the disk, and calls nothing a hole that is not zero", async () => {
    const lie = await firstLie(await opened(), sample.disk);
    if (lie >= 0) throw new ConformanceError(`extents are wrong at byte ${lie}`);
  });

  runner.it("tells where in which file its bytes are", async () => {
    const end = Math.max(0, sample.disk.length - 1000);
    const begin = Math.min(1000, end);
    let at = begin;
    for await (const mapping of mapOf(await opened(), begin, end - begin)) {
      if (mapping.offset !== at) throw new ConformanceError(`the map goes on at ${mapping.offset}, must at ${at}`);
      at += mapping.length;
      checkMapping(mapping, sample);
    }
    if (at !== end) throw new ConformanceError(`the map ends at ${at}, must at ${end}`);
  });

  runner.it("tells it in runs as long as possible", async () => {
    const disk = await opened();
    const runs = await countOf(mapOf(disk, 0, disk.size));
    const joined = await countOf(joinMappings(mapOf(disk, 0, disk.size)));
    if (runs !== joined) throw new ConformanceError(`${runs} runs, ${joined} would do`);
  });

  runner.it("maps nothing past its end", async () => {
    const disk = await opened();
    const error: unknown = await countOf(mapOf(disk, disk.size, 1)).catch((reason: unknown) => reason);
    if (isBackendError(error, "ERR_RANGE")) return;
    throw new ConformanceError("a map past the end must reject with ERR_RANGE", { cause: error });
  });
}

async function countOf(mappings: AsyncIterable<Mapping>): Promise<number> {
  let count = 0;
  for await (const _ of mappings) count++;
  return count;
}

function checkMapping(mapping: Mapping, { file, others, disk }: ImageSample): void {
  const { offset, length, zero, compressed, hostOffset, file: name } = mapping;
  const part = disk.subarray(offset, offset + length);
  if (zero) {
    const lie = part.findIndex((byte) => byte !== 0);
    if (lie >= 0) throw new ConformanceError(`byte ${offset + lie} is not zero, as the map tells`);
  } else if (compressed) {
    if (hostOffset !== undefined) throw new ConformanceError(`what is compressed is not as it is at ${hostOffset}`);
  } else {
    const stored = name === FILE_NAME ? file : others?.get(name ?? "");
    if (stored === undefined || hostOffset === undefined) {
      throw new ConformanceError(`the data at ${offset} is in no file, or nowhere in it: ${name}, ${hostOffset}`);
    }
    const wrong = firstDifference(stored.subarray(hostOffset, hostOffset + length), part);
    if (wrong >= 0)
      throw new ConformanceError(`byte ${offset + wrong} is not where the map tells: ${hostOffset + wrong}`);
  }
}
