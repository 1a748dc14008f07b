import type { Duplex } from "node:stream";
import { createSecureContext, createServer } from "node:tls";
import { BackendError } from "@instar/backend";

/** With what clients are met that want TLS. In PEM. */
export interface NbdTlsOptions {
  /** The certificate of the server, with those above it. */
  readonly cert: string | Uint8Array;
  /** The key of that certificate. */
  readonly key: string | Uint8Array;
  /** Certificates of which one has to be above that of a client. Without it clients need none. */
  readonly ca?: string | Uint8Array | undefined;
  /** Whether clients may do without TLS, too. Defaults to `false`: before it they get nothing but an error that asks for it. */
  readonly optional?: boolean | undefined;
}

/** @throws {@link BackendError} `ERR_RANGE` for what is no certificate, or no key of it. */
export function checkTls({ cert, key, ca }: NbdTlsOptions): void {
  try {
    createSecureContext(pem({ cert, key, ca }));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError("ERR_RANGE", `NBD server: tls must have a certificate and its key: ${message}`, { cause });
  }
}

/**
 * Meets a client that begins TLS on a stream. Rejects where it breaks off, takes two minutes, or has no certificate where
 * it needs one.
 */
export function secured(stream: Duplex, { cert, key, ca }: NbdTlsOptions): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const isAsked = ca !== undefined;
    // One for each: what such a server tells does not say which of its streams it is about.
    const server = createServer({ ...pem({ cert, key, ca }), requestCert: isAsked, rejectUnauthorized: isAsked });
    server.once("secureConnection", resolve);
    server.once("tlsClientError", reject);
    server.emit("connection", stream);
  });
}

function pem(given: Pick<NbdTlsOptions, "cert" | "key" | "ca">): { cert: Buffer; key: Buffer; ca?: Buffer } {
  const { ca } = given;
  return {
    cert: Buffer.from(given.cert),
    key: Buffer.from(given.key),
    ...(ca !== undefined && { ca: Buffer.from(ca) }),
  };
}
