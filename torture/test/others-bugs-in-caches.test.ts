import { MemoryPages } from "@instar/backend";
import { BlockCache } from "@instar/block-cache";
import { HttpBackend } from "@instar/backend-http";
import { fetchTransport } from "@instar/backend-http/engine";
import { describe, expect, it } from "vitest";

import { SlowFile } from "./slow-file.ts";

const BLOCK = 512;

/** A file of so many blocks, each filled with its number plus one. */
function numbered(blocks: number): SlowFile {
  const pages = new MemoryPages();
  for (let block = 0; block < blocks; block++) pages.write(new Uint8Array(BLOCK).fill(block + 1), block * BLOCK);
  return new SlowFile(pages);
}

const firstByte = async (cache: BlockCache, block: number, signal?: AbortSignal): Promise<number | undefined> => {
  const bytes = new Uint8Array(BLOCK);
  await cache.read(bytes, block * BLOCK, { signal });
  return bytes[0];
};

describe("what went wrong in block caches elsewhere (geotiff)", () => {
  it("one caller's abort failed others that wanted the same block", async () => {
    const file = numbered(4);
    const { promise: later, resolve: read } = Promise.withResolvers<void>();
    file.before = () => later;
    const cache = new BlockCache(file, { blockSize: BLOCK, bytes: 64 * BLOCK });
    const controller = new AbortController();
    const impatient = firstByte(cache, 1, controller.signal);
    const patient = firstByte(cache, 1);
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ name: "AbortError" });
    read();
    expect(await patient).toBe(2);
  });

  it("one block was asked for twice at a time", async () => {
    const file = numbered(4);
    const cache = new BlockCache(file, { blockSize: BLOCK, bytes: 64 * BLOCK });
    expect(await Promise.all(Array.from({ length: 20 }, () => firstByte(cache, 2)))).toEqual(Array(20).fill(3));
    expect(file.requests).toHaveLength(1);
  });

  it("reads failed once the cache was full", async () => {
    const cache = new BlockCache(numbered(200), { blockSize: BLOCK, bytes: 2 * BLOCK });
    const blocks = Array.from({ length: 200 }, (_, block) => block);
    expect(await Promise.all(blocks.map((block) => firstByte(cache, block)))).toEqual(blocks.map((block) => block + 1));
    expect(cache.bytes).toBe(2 * BLOCK);
  });
});

const CONTENT = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

/** A server of one object, and how it misbehaves. */
interface Server {
  etag: string;
  readonly ignoresRange?: boolean;
  readonly forbidsHead?: boolean;
}

/** Opens the object of a server that is a function. */
function openFrom(server: Server): Promise<HttpBackend> {
  const answer = async (_url: string, { method, headers }: RequestInit): Promise<Response> => {
    if (method === "HEAD" && server.forbidsHead) return new Response(null, { status: 403 });
    const asked = new Headers(headers);
    if (asked.has("if-match") && asked.get("if-match") !== server.etag) return new Response(null, { status: 412 });
    const range = /^bytes=(\d+)-(\d*)$/.exec(asked.get("range") ?? "");
    if (!range || server.ignoresRange) return new Response(CONTENT, { headers: { etag: server.etag } });
    const first = Number(range[1]);
    const end = Math.min(CONTENT.length, range[2] ? Number(range[2]) + 1 : CONTENT.length);
    if (first >= CONTENT.length) {
      return new Response(null, { status: 416, headers: { "content-range": `bytes */${CONTENT.length}` } });
    }
    const told = `bytes ${first}-${end - 1}/${CONTENT.length}`;
    return new Response(CONTENT.slice(first, end), {
      status: 206,
      headers: { etag: server.etag, "content-range": told },
    });
  };
  return HttpBackend.open("https://example.test/disk", { transport: fetchTransport(answer), retries: 0 });
}

describe("what went wrong over HTTP elsewhere (duckdb, sql.js, geotiff)", () => {
  it("an object was replaced while it was read, and two versions were mixed", async () => {
    const server: Server = { etag: '"one"' };
    const backend = await openFrom(server);
    await backend.read(new Uint8Array(1000), 5000);
    server.etag = '"two"';
    await expect(backend.read(new Uint8Array(1000), 90_000)).rejects.toMatchObject({ code: "ERR_CHANGED" });
  });

  it("a server ignored Range and answered 200, and the wrong bytes were used", async () => {
    await expect(openFrom({ etag: '"one"', ignoresRange: true })).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });

  it("a read past the end was answered 416", async () => {
    const backend = await openFrom({ etag: '"one"' });
    await expect(backend.read(new Uint8Array(1), CONTENT.length)).rejects.toMatchObject({ code: "ERR_RANGE" });
    const last = new Uint8Array(10);
    await backend.read(last, CONTENT.length - 10);
    expect(last).toEqual(CONTENT.subarray(-10));
  });

  it("HEAD was forbidden where GET works, as with presigned URLs", async () => {
    const backend = await openFrom({ etag: '"one"', forbidsHead: true });
    expect(backend.size).toBe(CONTENT.length);
  });
});
