import { type Clock, systemClock } from "./clock.js";
import { type RangeCounters, rangeCounters } from "./counters.js";
import { bounded, integer, time } from "./number-option.js";

/** When a second request is sent beside one that is slow to begin. */
export interface HedgeOptions {
  /** Which share of recent answers began sooner than the delay, from 0 to 1. Defaults to 0.95. */
  readonly percentile?: number | undefined;
  /** Least delay, in milliseconds. Defaults to 20. */
  readonly minDelay?: number | undefined;
}

/** How the range engine works. Sizes are bytes, times milliseconds. */
export interface RangeEngineOptions {
  /**
   * How much of the beginning the request that opens an object brings along; the first reads have it from there. With 0 it
   * is opened by a HEAD. Defaults to 64 KiB.
   */
  readonly firstRead?: number | undefined;
  /** Most bytes of one request; longer reads are split evenly and fetched in parallel. Defaults to 8 MiB. */
  readonly splitSize?: number | undefined;
  /** Waiting reads that lie at most this far apart share a request. Defaults to 16 KiB. */
  readonly joinGap?: number | undefined;
  /** Most requests in flight. One that waits for its next attempt keeps its place. Defaults to 16. */
  readonly concurrency?: number | undefined;
  /** How often in a row a request is sent again without having moved `minProgress` bytes. Defaults to 6. */
  readonly retries?: number | undefined;
  /** Longest delay before the first retry; doubles with each one. The delay is random between 0 and that. Defaults to 200. */
  readonly backoff?: number | undefined;
  /** Bound of the doubling. Defaults to 10,000. */
  readonly maxBackoff?: number | undefined;
  /** A server that asks by `Retry-After` for a longer pause than this is reported at once. Defaults to 60,000. */
  readonly maxRetryAfter?: number | undefined;
  /** A request that moves less than `minProgress` bytes within this time counts as lost. Defaults to 30,000. */
  readonly stallTimeout?: number | undefined;
  /** Defaults to 16 KiB. */
  readonly minProgress?: number | undefined;
  /** Sends a second request beside one that is slow to begin. Defaults to none. */
  readonly hedge?: HedgeOptions | undefined;
  /** Defaults to the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Numbers from 0 to 1 for the jitter. Defaults to `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Counts into this object. Defaults to an own one. */
  readonly counters?: RangeCounters | undefined;
}

/** The options with their defaults. */
export interface EngineSettings {
  readonly firstRead: number;
  readonly splitSize: number;
  readonly joinGap: number;
  readonly concurrency: number;
  readonly retries: number;
  readonly backoff: number;
  readonly maxBackoff: number;
  readonly maxRetryAfter: number;
  readonly stallTimeout: number;
  readonly minProgress: number;
  readonly hedge: { readonly percentile: number; readonly minDelay: number } | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counters: RangeCounters;
}

/**
 * Fills in the defaults.
 *
 * @throws {@link BackendError} `ERR_RANGE` for a number out of its bounds.
 */
export function engineSettings(options: RangeEngineOptions = {}): EngineSettings {
  const { hedge } = options;
  return {
    firstRead: bounded(
      "firstRead",
      integer("firstRead", options.firstRead, 64 * 2 ** 10, 0),
      0,
      2 ** 30,
      "up to 1 GiB",
    ),
    splitSize: integer("splitSize", options.splitSize, 8 * 2 ** 20, 1),
    joinGap: integer("joinGap", options.joinGap, 16 * 2 ** 10, 0),
    concurrency: integer("concurrency", options.concurrency, 16, 1),
    retries: integer("retries", options.retries, 6, 0),
    backoff: time("backoff", options.backoff, 200),
    maxBackoff: time("maxBackoff", options.maxBackoff, 10_000),
    maxRetryAfter: time("maxRetryAfter", options.maxRetryAfter, 60_000),
    stallTimeout: time("stallTimeout", options.stallTimeout, 30_000),
    minProgress: integer("minProgress", options.minProgress, 16 * 2 ** 10, 1),
    hedge: hedge && {
      percentile: bounded("hedge.percentile", hedge.percentile ?? 0.95, 0, 1, "a number from 0 to 1"),
      minDelay: time("hedge.minDelay", hedge.minDelay, 20),
    },
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    counters: options.counters ?? rangeCounters(),
  };
}
