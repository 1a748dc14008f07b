import { BackendError, isBackendError } from "@instar/backend";

/** Who asks. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When they end. New ones are asked for a minute before. */
  readonly expiration?: Date | undefined;
}

/** Gives credentials: called when they are first needed, when they are about to end, and when the store calls them expired. */
export type S3CredentialProvider = () => Promise<S3Credentials> | S3Credentials;

/** How long before their end credentials are replaced, in milliseconds. */
const margin = 60_000;

/** The credentials of one object: fetched once for all who want them, and again when they end. */
export class CredentialCache {
  readonly #name: string;
  readonly #provider: S3CredentialProvider;
  #current: S3Credentials | undefined;
  #coming: Promise<S3Credentials> | undefined;
  /** Identity of those that the store has called expired. */
  #expired: string | undefined;

  constructor(name: string, source: S3Credentials | S3CredentialProvider) {
    this.#name = name;
    this.#provider = typeof source === "function" ? source : () => source;
  }

  /** Those in hand, if they are good at `time` (milliseconds since 1970). */
  at(time: number): S3Credentials | undefined {
    const current = this.#current;
    if (!current || identity(current) === this.#expired) return undefined;
    const end = current.expiration?.getTime();
    return end !== undefined && end - margin <= time ? undefined : current;
  }

  /** Asks for new ones. */
  async fetch(): Promise<S3Credentials> {
    this.#coming ??= this.#ask();
    try {
      return await this.#coming;
    } finally {
      this.#coming = undefined;
    }
  }

  /** The store calls those in hand expired, so that they are asked for anew. `false` when it has said so before. */
  expire(): boolean {
    const found = this.#current && identity(this.#current);
    if (found === this.#expired) return false;
    this.#expired = found;
    return true;
  }

  async #ask(): Promise<S3Credentials> {
    let found: S3Credentials;
    try {
      found = await this.#provider();
    } catch (cause) {
      if (isBackendError(cause)) throw cause;
      throw new BackendError("ERR_PERMISSION", `${this.#name}: there are no credentials`, { cause });
    }
    check(this.#name, found);
    this.#current = found;
    return found;
  }
}

function identity({ accessKeyId, sessionToken = "" }: S3Credentials): string {
  return `${accessKeyId} ${sessionToken}`;
}

/** What is wrong is said without the values. */
function check(name: string, { accessKeyId, secretAccessKey, sessionToken = "" }: S3Credentials): void {
  const sendable = /^[\x21-\x7e]*$/;
  if (accessKeyId && secretAccessKey && sendable.test(accessKeyId) && sendable.test(sessionToken)) return;
  throw new BackendError("ERR_PERMISSION", `${name}: the credentials are empty, or hold what no header can`);
}
