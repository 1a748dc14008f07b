import type { Backend } from "@instar/backend";

/** One disk that a server offers. */
export interface NbdExport {
  /** What clients ask for. An empty name in a request means the first export. At most 4096 bytes. */
  readonly name: string;
  /** The disk. It stays the caller's, who closes it after the server. Its size as of the handshake is what is served. */
  readonly backend: Backend;
  /** What clients show people. */
  readonly description?: string;
  /** Whether to refuse writes to a backend that could take them. Defaults to `false`. */
  readonly readOnly?: boolean;
}

/** Whether clients may change it. */
export function isWritable(disk: NbdExport): boolean {
  return disk.backend.capabilities.write && disk.readOnly !== true;
}

/** The transmission flags: what the manifest of the backend says, and nothing more. */
export function transmissionFlags(disk: NbdExport, structured: boolean): number {
  // One backend is behind all connections, so that a flush on one covers what was written on any.
  const hasFlags = 1;
  const multipleConnections = 1 << 8;
  let flags = hasFlags | multipleConnections;
  if (structured) flags |= 1 << 7; // reads that are not to be fragmented
  if (!isWritable(disk)) return flags | (1 << 1);
  flags |= (1 << 2) | (1 << 3) | (1 << 6) | (1 << 11); // flush, FUA, write zeroes, fast zeroes
  if (disk.backend.capabilities.discard) flags |= 1 << 5;
  return flags;
}
