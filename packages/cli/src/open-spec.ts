import type { Backend } from "@instar/backend";
import type { Context } from "./command.js";
import { CliError, Interrupted, oneLine, UsageError } from "./errors.js";
import type { StorageSpec } from "./names/image-spec.js";
import { type OpenedUrl, REQUEST_BYTES, type UrlHow } from "./protocols/protocol.js";
import { protocolOf } from "./protocols/protocols.js";
import { openStorage } from "./storage.js";
import { shownUrl } from "./url-gate.js";

/** How to open storage. */
export interface SpecHow {
  readonly write: boolean;
  /** Not to take or respect the lock against a second writer. */
  readonly share: boolean;
  /** Whether holes of local files are to be known, and made. */
  readonly sparse?: boolean | undefined;
  /** Whether all of it will be read in large parts, once: a cache that keeps them is of no use. */
  readonly sequential?: boolean | undefined;
  /** Whether only a little of its beginning will be read. */
  readonly metadataOnly?: boolean | undefined;
}

/** How much is kept of what has come over the network, in bytes. */
const CACHE_BYTES = 67_108_864;
/** What is fetched for a read that the cache has nothing for: little beside the time of a request, and often near the next. */
const BLOCK_BYTES = 262_144;
/** The same where only headers are read: all of that, nearly always. */
const HEADER_BYTES = 65_536;
/** Connections for what is read once, in large parts side by side: whoever copies has about as many under way. */
const CONNECTIONS = 8;
/** How far to read ahead: as much again as a copy has under way, so that it seldom waits for the time of a request. */
const READ_AHEAD = 16_777_216;
/** What is read of a file that is read once, and is more than a table of an image, goes past the cache. */
const LARGE = 1_048_576;

/** Opens what a description says. What comes over the network goes through a cache. */
export async function openSpec(storage: StorageSpec, how: SpecHow, context: Context): Promise<Backend> {
  const { write, share, sparse } = how;
  switch (storage.kind) {
    case "file":
      return openStorage(storage.path, { write, lock: !share, sparse, signal: context.signal });
    case "part":
      return openPart(storage, how, context);
    case "url":
      return openUrl(storage.url, storage.options, how, context);
  }
}

async function openPart(
  { whole, offset, size }: Extract<StorageSpec, { kind: "part" }>,
  how: SpecHow,
  context: Context,
): Promise<Backend> {
  const [file, { FilePart }] = await Promise.all([openSpec(whole, how, context), import("./file-part.js")]);
  try {
    return new FilePart(file, offset, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Opens what a URL names as the target of a command, in the place of what may be there.
 *
 * @throws {@link CliError} where its protocol cannot be written
 */
export async function createUrl(url: string, context: Context): Promise<OpenedUrl> {
  try {
    const open = await protocolOf(url);
    if (!open) throw new CliError("its protocol is not supported");
    const opened = await open(url, { write: true, create: true, share: false, options: new Map() }, context);
    context.stats.add(opened.backend.name, opened.counters, undefined);
    return opened;
  } catch (error) {
    if (error instanceof Interrupted || error instanceof UsageError) throw error;
    throw new CliError(`could not create '${shownUrl(url)}': ${oneLine(error)}`, { cause: error });
  }
}

async function openUrl(
  url: string,
  options: UrlHow["options"],
  { write, share, sequential = false, metadataOnly = false }: SpecHow,
  context: Context,
): Promise<Backend> {
  const open = await protocolOf(url);
  if (!open) throw new CliError("its protocol is not supported");
  const blockSize = metadataOnly ? HEADER_BYTES : BLOCK_BYTES;
  // What is read once from front to back can begin with as much as a request takes: tables, and data behind them.
  const reading = sequential ? { firstRead: REQUEST_BYTES, connections: CONNECTIONS } : { firstRead: blockSize };
  const opened = await open(url, { write, share, options, ...reading }, context);
  const { backend, counters, readAhead = READ_AHEAD } = opened;
  try {
    const { BlockCache } = await import("@instar/block-cache");
    const cache = new BlockCache(backend, {
      name: backend.name,
      bytes: CACHE_BYTES,
      blockSize,
      // Blocks are asked for one by one, all at once: those side by side become one request on the way.
      maxTransfer: blockSize,
      parallel: CACHE_BYTES / blockSize / 2,
      readAhead,
      ...(sequential && { directRead: LARGE }),
    });
    context.stats.add(backend.name, counters, cache);
    return cache;
  } catch (error) {
    await backend.close();
    throw error;
  }
}
