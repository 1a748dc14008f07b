/** What has been asked of a server. One object can count for several engines. */
export interface RangeCounters {
  /** Requests sent: each attempt, each hop of a redirect, each look at the size. */
  requests: number;
  /** Bytes of bodies received, those that nobody waited for included. */
  bytes: number;
  /** Bytes of bodies sent, those of attempts that failed included. Only services that write have any. */
  sent: number;
  /** Requests sent again because an earlier one failed. */
  retries: number;
  /** Second requests sent because the first took unusually long. */
  hedges: number;
  /** Reads, or pieces of them, that were served by a request made for another. */
  joined: number;
}

/** Counters at zero. */
export function rangeCounters(): RangeCounters {
  return { requests: 0, bytes: 0, sent: 0, retries: 0, hedges: 0, joined: 0 };
}
