import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { MemoryBackend } from "@instar/backend";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { NbdServer, type NbdTlsOptions } from "../src/index.js";
import { type Certificates, HAS_OPENSSL, makeCertificates, withoutClient } from "./certificates.js";
import { NBD, NbdClient } from "./nbd-client.js";

const run = promisify(execFile);
const HAS_LIBNBD = spawnSync("nbdinfo", ["--version"]).status === 0;
const HAS_QEMU = spawnSync("qemu-img", ["--version"]).status === 0;
const without = (names: readonly (string | false)[]): string => {
  const missing = names.filter((name) => name !== false);
  return missing.length === 0 ? "" : ` (skipped: Debian packages ${missing.join(", ")} are not installed)`;
};

describe.skipIf(!HAS_OPENSSL)(`TLS${without([!HAS_OPENSSL && "openssl"])}`, () => {
  let certificates: Certificates;
  let own: NbdTlsOptions;
  let mutual: NbdTlsOptions;
  let server: NbdServer;

  beforeAll(() => {
    certificates = makeCertificates();
    const { pem } = certificates;
    own = { cert: pem("server-cert.pem"), key: pem("server-key.pem") };
    mutual = { ...own, ca: pem("ca-cert.pem") };
  });

  async function serve(tls: NbdTlsOptions): Promise<number> {
    const disk = new MemoryBackend({ size: 3_000_000 });
    await disk.write(Buffer.alloc(2_000_000, "secret"), 500_000);
    server = new NbdServer({ exports: [{ name: "", backend: disk }], tls });
    return (await server.listen({ port: 0, host: "127.0.0.1" })) ?? 0;
  }

  afterEach(() => server.close());

  const nbdinfo = (port: number, directory: string, scheme = "nbds"): Promise<{ stdout: string }> =>
    run("nbdinfo", ["--size", `${scheme}://localhost:${port}/?tls-certificates=${directory}`]);

  describe.skipIf(!HAS_LIBNBD)(`libnbd${without([!HAS_LIBNBD && "libnbd-bin"])}`, () => {
    it("reads and writes by it, with and without a certificate of its own", async () => {
      for (const tls of [own, mutual]) {
        const port = await serve(tls);
        const directory = tls === own ? withoutClient(certificates) : certificates.directory;
        expect((await nbdinfo(port, directory)).stdout).toBe("3000000\n");
        const copy = join(directory, "copy");
        await run("nbdcopy", [`nbds://localhost:${port}/?tls-certificates=${directory}`, copy]);
        const { stdout } = await run("tail", ["-c", "+500001", copy], { encoding: "buffer", maxBuffer: 1e8 });
        expect(stdout.subarray(0, 2_000_000).equals(Buffer.alloc(2_000_000, "secret"))).toBe(true);
        await run("nbdcopy", [copy, `nbds://localhost:${port}/?tls-certificates=${directory}`]);
        await server.close();
      }
    });

    it("is refused without TLS, unless that is optional", async () => {
      await expect(nbdinfo(await serve(own), certificates.directory, "nbd")).rejects.toThrow(/TLS/);
      await server.close();
      const port = await serve({ ...own, optional: true });
      expect((await nbdinfo(port, certificates.directory, "nbd")).stdout).toBe("3000000\n");
      expect((await nbdinfo(port, certificates.directory)).stdout).toBe("3000000\n");
    });

    it("is refused without a certificate where it needs one, or with that of a stranger", async () => {
      const port = await serve(mutual);
      await expect(nbdinfo(port, withoutClient(certificates))).rejects.toThrow();
      await server.close();
      const stranger = makeCertificates();
      const wary = await serve({ ...own, ca: stranger.pem("ca-cert.pem") });
      await expect(nbdinfo(wary, certificates.directory)).rejects.toThrow();
    });
  });

  it.skipIf(!HAS_QEMU)(`qemu-img reads by it${without([!HAS_QEMU && "qemu-utils"])}`, async () => {
    const port = await serve(mutual);
    const target = join(certificates.directory, "qemu.raw");
    const credentials = `tls-creds-x509,id=t,dir=${certificates.directory},endpoint=client`;
    const source = `driver=nbd,host=localhost,port=${port},tls-creds=t`;
    await run("qemu-img", ["convert", "--object", credentials, "--image-opts", source, "-O", "raw", target]);
    const { stdout } = await run("head", ["-c", "500012", target], { encoding: "buffer", maxBuffer: 1e7 });
    expect(stdout.subarray(500_000).toString()).toBe("secretsecret");
  });

  describe("a client in the clear", () => {
    it("has no option but to begin TLS or to leave", async () => {
      await expect(NbdClient.connect(await serve(own), true)).rejects.toThrow("is refused");
    });

    it("cannot have an export by its name alone", async () => {
      const { socket } = await greeted(await serve(own));
      socket.write(option(1));
      await once(socket, "close");
      expect(socket.bytesRead).toBe(18);
    });

    it("is dropped when it sends more behind its wish for TLS", async () => {
      const { socket } = await greeted(await serve({ ...own, optional: true }));
      socket.write(Buffer.concat([option(5), option(8)]));
      await once(socket, "close");
      expect(socket.bytesRead).toBe(18);
    });

    it("that never begins what it asked for does not hold up the end of the server", async () => {
      const { socket } = await greeted(await serve(own));
      socket.write(option(5));
      await once(socket, "data");
      await server.close();
      if (!socket.closed) await once(socket, "close");
    });

    it("may do without where it is optional", async () => {
      const client = await NbdClient.connect(await serve({ ...own, optional: true }), true);
      expect((await client.request(NBD.read, 500_000, 6)).data.toString()).toBe("secret");
      client.socket.destroy();
    });
  });

  it("begins the handshake anew, and once only", async () => {
    const { socket } = await greeted(await serve({ ...own, optional: true }));
    // Structured replies are agreed on in the clear, which anybody in between could have done.
    socket.write(option(8));
    await bytes(socket, 20);
    socket.write(option(5));
    await bytes(socket, 20);
    const secure = connectTls({ socket, ca: certificates.pem("ca-cert.pem"), servername: "localhost" });
    await once(secure, "secureConnect");
    secure.write(option(5));
    const again = await bytes(secure, 20);
    expect(again.readUInt32BE(12)).toBe(0x80000003);
    await bytes(secure, again.readUInt32BE(16));
    secure.write(option(1));
    await bytes(secure, 10);
    const read = Buffer.alloc(28);
    read.writeUInt32BE(0x25609513);
    read.writeUInt32BE(1, 24);
    secure.write(read);
    expect((await bytes(secure, 16)).readUInt32BE()).toBe(0x67446698);
    secure.destroy();
  });

  it("what is no certificate, or the key of another, is refused with a code", () => {
    const backend = new MemoryBackend({ size: 1 });
    for (const tls of [
      { ...own, cert: "none" },
      { ...own, key: certificates.pem("client-key.pem") },
    ]) {
      const make = (): NbdServer => new NbdServer({ exports: [{ name: "", backend }], tls });
      expect(make).toThrow(expect.objectContaining({ code: "ERR_RANGE" }));
    }
  });
});

/** A connection that has been greeted, and has said who it is. */
async function greeted(port: number): Promise<{ readonly socket: Socket }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await bytes(socket, 18);
  socket.write(Buffer.from([0, 0, 0, 3]));
  return { socket };
}

function option(type: number): Buffer {
  return Buffer.concat([Buffer.from("IHAVEOPT"), Buffer.from([0, 0, 0, type, 0, 0, 0, 0])]);
}

/** The next bytes of a stream, so many. */
async function bytes(stream: Readable, length: number): Promise<Buffer> {
  for (;;) {
    const found = length === 0 ? Buffer.alloc(0) : (stream.read(length) as Buffer | null);
    if (found) return found;
    await once(stream, "readable");
  }
}
