import { createServer, type ListenOptions, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { BackendError } from "@instar/backend";
import { Connection } from "./connection.js";
import { isWritable, type NbdExport } from "./nbd-export.js";
import { checkTls, type NbdTlsOptions } from "./tls.js";

/** What an {@link NbdServer} serves. */
export interface NbdServerOptions {
  /** The disks, at least one, with names of their own. The first is also the one without a name. */
  readonly exports: readonly NbdExport[];
  /** Without it there is no TLS, and every client that reaches the server may use every export. */
  readonly tls?: NbdTlsOptions | undefined;
}

/** Serves disks over NBD, in the fixed newstyle. */
export class NbdServer {
  readonly #exports: readonly NbdExport[];
  readonly #tls: NbdTlsOptions | undefined;
  readonly #servers = new Set<Server>();
  readonly #connections = new Map<Connection, { readonly stream: Duplex; readonly over: Promise<void> }>();
  #closed = false;

  /**
   * @throws {@link BackendError} `ERR_RANGE` for no exports, names that repeat, names or descriptions over 4096 bytes, and for
   * what is no certificate with its key.
   */
  constructor(options: NbdServerOptions) {
    this.#exports = options.exports;
    this.#tls = options.tls;
    if (this.#tls) checkTls(this.#tls);
    if (this.#exports.length === 0) throw refused("exports must name one disk at least");
    const names = new Set(this.#exports.map((disk) => disk.name));
    if (names.size < this.#exports.length) throw refused("the names of exports must differ");
    for (const { name, description = "" } of this.#exports) {
      if (Buffer.byteLength(name) > 4096 || Buffer.byteLength(description) > 4096) {
        throw refused("the name and the description of an export are of at most 4096 bytes");
      }
    }
  }

  /**
   * Listens on a TCP port or a Unix socket, as `net.Server.listen` does. Resolves to the port, or nothing for a socket.
   * Rejects with the error of the system, or `ERR_RANGE` when the server is closed.
   */
  async listen(options: ListenOptions): Promise<number | undefined> {
    if (this.#closed) throw refused("it is closed");
    const server = createServer({ noDelay: true }, (socket) => void this.serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options, () => resolve());
    });
    this.#servers.add(server);
    const address = server.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  /** Serves one client over any stream of bytes, and resolves when it is gone and all it asked for is done. */
  async serve(stream: Duplex): Promise<void> {
    const connection = new Connection(stream, this.#exports, this.#tls);
    if (this.#closed) {
      stream.destroy();
      return;
    }
    const over = connection.run();
    this.#connections.set(connection, { stream, over });
    await over;
    if (!this.#closed) this.#connections.delete(connection);
  }

  /**
   * Takes no further client or request, finishes what is under way, syncs what can be written, and cuts the
   * connections. Rejects with the error of a sync. The backends stay open: they are the caller's.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections.keys()) connection.stop();
    // A client that does not read its replies holds nothing up: only the work is waited for.
    for (const { over } of this.#connections.values()) await over;
    for (const disk of this.#exports) if (isWritable(disk)) await disk.backend.sync();
    for (const { stream } of this.#connections.values()) stream.destroy();
    this.#connections.clear();
  }
}

function refused(rule: string): BackendError {
  return new BackendError("ERR_RANGE", `NBD server: ${rule}`);
}
