import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
const note = hasChromium ? "" : " (skipped: Debian package chromium is not installed)";
const folder = join(import.meta.dirname, "..");

/** A page that finds the built package, and what it depends on, as a browser without a bundler would. */
const PAGE = `<!doctype html><script type="importmap">{"imports":{
  "@instar/lru-cache":"/dist/index.js","async-mutex":"/node_modules/async-mutex/index.mjs"}}</script>`;

/** Serves the package's own folder, and nothing above it. */
function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(request.url ?? "/");
    if (path === "/") return void response.setHeader("content-type", "text/html").end(PAGE);
    readFile(join(folder, path)).then(
      (bytes) => response.setHeader("content-type", "text/javascript").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Runs in the page: two caches in order, with evictions, over a storage that notes what reaches it. */
const SCENARIO = `(async () => {
  const { AsyncLruCache } = await import("@instar/lru-cache");
  const log = [];
  const make = (name) => new AsyncLruCache({ name, limit: 2, io: {
    load: async (key) => ({ text: name + key }),
    store: async (key, value) => { log.push(name + " " + key + "=" + value.text); },
    sync: async () => { log.push(name + " sync"); },
  } });
  const tables = make("table");
  const counts = make("count");
  const modify = async (cache, key, text) => {
    const lease = cache.tryAcquire(key) ?? (await cache.acquire(key));
    lease.value.text = text;
    lease.markDirty();
    lease.release();
  };
  await modify(counts, 1, "one");
  await tables.dependsOn(counts);
  await modify(tables, 7, "seven");
  for (const key of [8, 9]) (await tables.acquire(key)).release();
  return { log, size: tables.size, evictions: tables.counters.evictions };
})()`;

describe.skipIf(!hasChromium)(`in headless Chromium${note}`, () => {
  let server: Server | undefined;
  let browser: Browser | undefined;

  beforeAll(async () => {
    server = await serve();
    const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
    const args = ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  it("the built package loads, evicts in order, and flushes what comes first", async () => {
    const page = await browser?.newPage();
    const address = server?.address() as AddressInfo;
    await page?.goto(`http://127.0.0.1:${address.port}/`);
    expect(await page?.evaluate(SCENARIO)).toEqual({
      log: ["count 1=one", "count sync", "table 7=seven", "table sync"],
      size: 2,
      evictions: 1,
    });
  });
});
