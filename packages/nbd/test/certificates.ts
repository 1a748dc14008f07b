import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Whether certificates can be made. */
export const HAS_OPENSSL: boolean = spawnSync("openssl", ["version"]).status === 0;

/** A directory of certificates by the names that QEMU, libnbd and nbdkit look for. */
export interface Certificates {
  readonly directory: string;
  /** The bytes of a file in it. */
  readonly pem: (name: string) => Buffer;
}

/** Makes an authority, and a certificate for a server on this machine and one for a client that it has signed. */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), "instar-nbd-tls-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE"];
  openssl("req", "-x509", "-days", "2", ...key, ...authority, "-keyout", "ca-key.pem", "-out", "ca-cert.pem");
  writeFileSync(join(directory, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}-key.pem`, "-out", `${name}.csr`);
    const signed = ["-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}-cert.pem`);
  }
  return { directory, pem: (name) => readFileSync(join(directory, name)) };
}

/** The same without the certificate of a client. */
export function withoutClient({ directory, pem }: Certificates): string {
  const other = join(directory, "without-client");
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, "ca-cert.pem"), pem("ca-cert.pem"));
  return other;
}
