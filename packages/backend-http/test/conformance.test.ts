import { type BackendFactory, describeBackend } from "@instar/backend/conformance";
import { describe, it } from "vitest";
import { fetchTransport } from "../src/engine/index.js";
import { HttpBackend, type HttpOpenOptions } from "../src/index.js";
import { startServer } from "./server.js";

const server = await startServer(new Uint8Array(0));
const contents = new Map<string, Uint8Array>();
const seed = process.env["INSTAR_SEED"] === undefined ? undefined : Number(process.env["INSTAR_SEED"]);

server.always = (request, _, serve) => {
  server.contents = contents.get(request.url ?? "") ?? new Uint8Array(0);
  serve();
};

function objects(name: string, options: HttpOpenOptions): BackendFactory {
  return {
    name,
    capabilities: {},
    async create(bytes) {
      const path = `/${contents.size}`;
      contents.set(path, bytes.slice());
      const open = (): Promise<HttpBackend> => HttpBackend.open(new URL(path, server.url).href, options);
      return { backend: await open(), reopen: open };
    },
  };
}

const small: HttpOpenOptions = { splitSize: 3000, joinGap: 0, concurrency: 3 };
const eager: HttpOpenOptions = { hedge: { percentile: 0, minDelay: 0 } };

describeBackend({ describe, it }, objects("by sockets", {}), { seed });
describeBackend({ describe, it }, objects("by fetch", { transport: fetchTransport() }), { seed });
describeBackend({ describe, it }, objects("in small pieces, three at a time", small), { seed });
describeBackend({ describe, it }, objects("with hedged requests", eager), { seed });
