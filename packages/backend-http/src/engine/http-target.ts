import type { BackendError } from "@instar/backend";
import type { HttpHeaders, HttpMethod, HttpRequest } from "./transport.js";

/** An answer that is not a success. */
export interface Refusal {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The beginning of the body. */
  readonly body: string;
}

/** An object that a server holds, and how it is asked for it. */
export interface HttpTarget {
  /** What messages call it; without userinfo and query. */
  readonly name: string;
  /**
   * Makes the request out of a method and the headers it needs (names in lower case): adds the URL, credentials, a
   * signature. Called for each attempt, so that it can be fresh. What it throws ends the read.
   */
  prepare(method: HttpMethod, headers: Readonly<Record<string, string>>): HttpRequest | Promise<HttpRequest>;
  /** What a refusal means with this service; `undefined` leaves it to its status. */
  refusal?(refusal: Refusal): BackendError | undefined;
}
