import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { SEED, writeDisk } from "./disks.js";
import { type FileServer, serveFiles } from "./file-server.js";
import { instar, scratch } from "./harness.js";

const at = scratch();
let server: FileServer;
const MIB = 1_048_576;

beforeAll(async () => {
  server = await serveFiles(at);
  writeDisk(at("disk.raw"), 4 * MIB, SEED);
  await instar(["convert", "-O", "qcow2", at("disk.raw"), at("disk.qcow2")]);
  await instar(["create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", at("over.qcow2")]);
});

const url = (name: string): string => `${server.origin}/images/${name}`;

describe("an image at a URL", () => {
  it("is told by its content, and described", async () => {
    const { code, out, err } = await instar(["info", "--output=json", url("disk.qcow2")]);
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ format: "qcow2", "virtual-size": 4 * MIB, filename: url("disk.qcow2") });
    expect(JSON.parse(out)).not.toHaveProperty("actual-size");
  });

  it.each([["convert"], ["compare"], ["map"], ["measure"], ["check"], ["dd"], ["io"]])(
    "can be given to %s",
    async (command) => {
      const name = url("disk.qcow2");
      const target = at(`${command}.raw`);
      const argv = {
        convert: ["convert", "-O", "raw", name, target],
        compare: ["compare", name, at("disk.raw")],
        map: ["map", name],
        measure: ["measure", "-O", "qcow2", name],
        check: ["check", name],
        dd: ["dd", "-O", "raw", `if=${name}`, `of=${target}`],
        io: ["io", "-r", "-c", "read -q 0 1M", name],
      }[command];
      const { code, err } = await instar(argv ?? []);
      expect([code, err]).toEqual([0, ""]);
      if (target.match(/convert|dd/)) expect(readFileSync(target).equals(readFileSync(at("disk.raw")))).toBe(true);
    },
  );

  it("brings its backing file from its own directory", async () => {
    expect((await instar(["compare", url("over.qcow2"), at("disk.raw")])).out).toBe("Images are identical.\n");
    const { out } = await instar(["info", "--backing-chain", "--output=json", url("over.qcow2")]);
    expect(JSON.parse(out)).toMatchObject([
      { filename: url("over.qcow2"), "full-backing-filename": url("disk.qcow2") },
      { filename: url("disk.qcow2") },
    ]);
  });

  it("can only be read", async () => {
    const { code, err } = await instar(["io", "-c", "write 0 512", url("disk.qcow2")]);
    expect([code, err]).toEqual([1, expect.stringContaining("by HTTP it can only be read")]);
    expect((await instar(["create", url("new.raw"), "1M"])).err).toContain("could not create");
  });

  it("that is not there is told of", async () => {
    const { code, err } = await instar(["info", url("missing.qcow2")]);
    expect(code).toBe(1);
    expect(err).toMatch(/^instar: info: could not open '[^\n]*missing\.qcow2': [^\n]*404[^\n]*\n$/);
  });

  it.each<[string, Record<string, string>, string]>([
    ["ignores Range", { "accept-ranges": "none" }, "ignores Range"],
    ["encodes what it sends", { "content-encoding": "gzip", "content-range": "bytes 0-0/1000" }, "encoded (gzip)"],
  ])("of a server that %s is refused, with the reason", async (_, headers, reason) => {
    const other = createServer((_request, response) => {
      response.writeHead("content-range" in headers ? 206 : 200, headers).end("x");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, err } = await instar(["info", `http://127.0.0.1:${port}/disk.qcow2`]);
    expect([code, err]).toEqual([1, expect.stringContaining(reason)]);
    other.closeAllConnections();
    other.close();
  });

  it("can be described by options, with those of the protocol", async () => {
    const options = `driver=qcow2,file.driver=http,file.url=${url("disk.qcow2")},file.cookie=a=1`;
    expect((await instar(["info", "--image-opts", options])).out).toContain("file format: qcow2");
    expect(server.headers()).toMatchObject({ cookie: "a=1" });
    const secret = ["--object", "secret,id=c,data=b=2", "--object", "secret,id=p,data=pass"];
    const more = `file.filename=${url("over.qcow2")},file.cookie-secret=c,file.username=me@h%41,file.password-secret=p`;
    expect((await instar(["map", ...secret, "--image-opts", more])).code).toBe(0);
    // The last request was for the backing file, which comes from the same server.
    const authorization = `Basic ${Buffer.from("me@h%41:pass").toString("base64")}`;
    expect(server.headers()).toMatchObject({ cookie: "b=2", authorization });
    expect((await instar(["info", "--image-opts", `${options},file.bogus=1`])).err).toContain(
      "bogus: http has no such",
    );
  });

  it("does not show what is secret in its URL", async () => {
    const secret = url("missing.qcow2").replace("//", "//user:password@");
    const { err } = await instar(["info", `${secret}?signature=hidden`]);
    expect(err).toContain(url("missing.qcow2"));
    expect(err).not.toMatch(/password|hidden/);
  });

  it("is named without what is secret in it by whatever has something to say of it", async () => {
    const secret = (name: string): string => `${url(name).replace("//", "//user:pass'word@")}?signature=hidden`;
    const over = ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", at("named.qcow2"), "1M", "-b"];
    const lines = [
      ["map", at("named.qcow2")],
      ["rebase", "-b", secret("missing.raw"), "-F", "raw", at("named.qcow2")],
      ["convert", "-n", "-O", "raw", at("disk.raw"), secret("disk.raw")],
      ["create", "-f", "raw", secret("new.raw"), "1M"],
      ["dd", `if=${secret("disk.raw")}`, `of=${at("dd.raw")}`, "skip=100M"],
    ];
    for (const base of [
      secret("disk.raw"),
      `json:{"driver":"raw","file":{"driver":"http","url":"${secret("disk.raw")}"}}`,
    ]) {
      expect((await instar([...over, base])).err).toBe("");
      for (const line of lines) {
        const { err } = await instar(line);
        expect(err, line.join(" ")).toContain(server.origin.replace("http://", ""));
        expect(err).not.toMatch(/user|word|hidden|signature/);
      }
    }
  });
});

describe("--stats", () => {
  it("tells what was asked of the server, and shows nothing secret", async () => {
    const before = server.asked.length;
    const name = url("disk.qcow2").replace("//", "//user:password@");
    const { err } = await instar(["compare", "--stats", `${name}?signature=hidden`, at("disk.raw")]);
    const [, place, requests, bytes] =
      /^stats: (\S+): requests (\d+), bytes (\d+), retries 0, cache hits \d+, cache misses \d+\n$/.exec(err) ?? [];
    expect(place).toBe(url("disk.qcow2"));
    expect(Number(requests)).toBe(server.asked.length - before);
    expect(Number(bytes)).toBeGreaterThan(0);
  });

  it("tells it also when the command fails, and that there was nothing", async () => {
    const failed = await instar(["io", "--stats", "-r", "-c", "read 100M 1", url("disk.qcow2")]);
    expect(failed.err).toContain("requests");
    const { err } = await instar(["info", "--stats", at("disk.qcow2")]);
    expect(err).toBe("stats: nothing was asked of storage over the network\n");
  });
});

describe("reading over the network", () => {
  it("opens the connections of a copy along with its first request", async () => {
    const eight = Promise.withResolvers<void>();
    let connections = 0;
    const other = createServer((_, response) => void eight.promise.then(() => response.writeHead(404).end()));
    other.on("connection", () => ++connections === 8 && eight.resolve());
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { err } = await instar(["convert", "-O", "raw", `http://127.0.0.1:${port}/disk.qcow2`, at("none.raw")]);
    expect(err).toContain("404");
    other.closeAllConnections();
    other.close();
  });

  it("takes few requests: tables are read in blocks, data in long pieces", async () => {
    const info = server.asked.length;
    const looked = await instar(["info", "--stats", url("disk.qcow2")]);
    expect(server.asked.length - info).toBe(1);
    expect(looked.err).toContain("requests 1, bytes 65536,");
    await instar(["create", "-q", "-f", "qcow2", at("long.qcow2"), "48M"]);
    expect((await instar(["io", "-c", "write -q -P 7 0 48M", at("long.qcow2")])).err).toBe("");
    const convert = server.asked.length;
    const { err } = await instar(["convert", "--stats", "-O", "raw", url("long.qcow2"), at("few.raw")]);
    // The beginning with the tables, and 12 pieces of 4 MiB, each right into the buffer of who copies.
    expect(server.asked.length - convert).toBe(13);
    expect(Number(/cache hits (\d+)/.exec(err)?.[1])).toBeLessThan(100);
    expect((await instar(["compare", at("long.qcow2"), at("few.raw")])).code).toBe(0);
  });
});

describe("a URL that an image names", () => {
  beforeAll(async () => {
    const argv = ["create", "-q", "-u", "-f", "qcow2", "-b", url("disk.raw"), "-F", "raw", at("local.qcow2"), "4M"];
    expect((await instar(argv)).err).toBe("");
  });

  it("is refused, with the option that would allow it, and nothing is asked for", async () => {
    const before = server.asked.length;
    const { code, err } = await instar(["map", at("local.qcow2")]);
    expect([code, err]).toEqual([1, expect.stringContaining(`--allow-url '${server.origin}/images/' would allow it`)]);
    expect(server.asked.length).toBe(before);
    expect((await instar(["info", at("local.qcow2")])).out).toContain(`backing file: ${url("disk.raw")}\n`);
  });

  it("is opened with --allow-url, or INSTAR_ALLOW_URL", async () => {
    const argv = ["compare", at("local.qcow2"), at("disk.raw")];
    const allow = `${server.origin}/images/`;
    expect((await instar([...argv, "--allow-url", allow])).out).toBe("Images are identical.\n");
    expect((await instar(argv, { env: { INSTAR_ALLOW_URL: `https://other/ ${allow}` } })).code).toBe(0);
    expect((await instar([...argv, "--allow-url", `${server.origin}/image`])).code).toBe(2);
  });

  it("is refused to an image at another place of the server, and so is a local file", async () => {
    const image = (name: string): string[] => [
      "create",
      "-q",
      "-u",
      "-f",
      "qcow2",
      "-b",
      name,
      "-F",
      "raw",
      at("bad.qcow2"),
      "1M",
    ];
    await instar(image(`${server.origin}/other/disk.raw`));
    expect((await instar(["map", url("bad.qcow2")])).err).toContain("--allow-url");
    await instar(image(at("disk.raw")));
    expect((await instar(["map", url("bad.qcow2")])).err).toContain(`is a local file: --allow-path '${at()}'`);
    expect((await instar(["map", "--allow-path", at(), url("bad.qcow2")])).code).toBe(0);
  });

  it("must not have a secret of the user sent to where the image says", async () => {
    const stolen = (node: object): string[] => {
      const name = `json:${JSON.stringify({ driver: "raw", ...node })}`;
      return ["create", "-q", "-u", "-f", "qcow2", "-b", name, "-F", "raw", at("thief.qcow2"), "1M"];
    };
    const secret = ["--object", "secret,id=c,data=hidden"];
    const file = { driver: "http", url: url("disk.raw"), "cookie-secret": "c" };
    for (const node of [{ file }, { file: { driver: "raw", offset: 512, file } }]) {
      await instar(stolen(node));
      const before = server.asked.length;
      const { code, err } = await instar(["map", ...secret, "--allow-url", server.origin, at("thief.qcow2")]);
      expect([code, err]).toEqual([1, expect.stringContaining("it has cookie-secret, which only the user may say")]);
      expect(server.asked.length).toBe(before);
    }
  });

  it("is refused where the chain is a loop", async () => {
    for (const [top, base] of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      await instar([
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-b",
        `${base}.qcow2`,
        "-F",
        "qcow2",
        at(`${top}.qcow2`),
        "1M",
      ]);
    }
    const way = [url("a.qcow2"), url("b.qcow2"), url("a.qcow2")].join(" -> ");
    expect((await instar(["map", url("a.qcow2")])).err).toContain(`is a loop: ${way}`);
  });

  it("can be that of an image that the user makes", async () => {
    const argv = ["create", "-q", "-f", "qcow2", "-b", url("disk.qcow2"), "-F", "qcow2", at("made.qcow2")];
    expect(await instar(argv)).toMatchObject({ code: 0, err: "" });
    const allow = ["--allow-url", server.origin];
    expect((await instar(["compare", ...allow, at("made.qcow2"), at("disk.raw")])).out).toBe("Images are identical.\n");
  });
});
