import type { Backend } from "@instar/backend";
import type { Context } from "../command.js";

/** Most bytes of one request: what takes longer than the request itself, and leaves some to be sent side by side. */
export const REQUEST_BYTES = 4_194_304;

/** How to open what a URL names. */
export interface UrlHow {
  readonly write: boolean;
  /** Whether to make it, in the place of what may be there. */
  readonly create?: boolean | undefined;
  /** Not to respect the lock against a second writer. */
  readonly share: boolean;
  /** How much of the beginning will be read first, in bytes: to have it along with the answer that opens it. */
  readonly firstRead?: number | undefined;
  /** How many connections to open at once, where requests side by side are soon to follow. */
  readonly connections?: number | undefined;
  /** What a `json:` name or options say beside the URL, by the names that QEMU has. */
  readonly options: ReadonlyMap<string, string>;
}

/** What has been asked of a storage so far. */
export interface StorageCounters {
  readonly requests: number;
  /** Bytes that have arrived. */
  readonly bytes: number;
  /** Bytes that were sent, to be stored. */
  readonly sent: number;
  readonly retries: number;
}

/** Storage that is open. */
export interface OpenedUrl {
  /** Its name shows nothing that is secret. */
  readonly backend: Backend;
  /** For `--stats`. */
  readonly counters?: StorageCounters;
  /** How far to read ahead, in bytes; sensible for storage whose requests take milliseconds where absent. */
  readonly readAhead?: number | undefined;
  /** Leaves what was there before, where that can still be done. It is closed all the same. */
  readonly abandon?: () => Promise<void>;
}

/** Opens URLs of one or more schemes. */
export type Protocol = (url: string, how: UrlHow, context: Context) => Promise<OpenedUrl>;
