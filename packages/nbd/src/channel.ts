import type { Duplex } from "node:stream";
import { ByteReader } from "./byte-reader.js";
import { type NbdTlsOptions, secured } from "./tls.js";

/** The bytes to and from a client: as they are at first, and encrypted from STARTTLS on. */
export class Channel {
  #stream: Duplex;
  #reader: ByteReader;
  readonly #tls: NbdTlsOptions | undefined;
  #isSecure = false;
  #shakesHands = false;

  constructor(stream: Duplex, tls: NbdTlsOptions | undefined) {
    // Also while nobody reads: one without a listener would end the process.
    stream.on("error", () => {});
    this.#stream = stream;
    this.#reader = new ByteReader(stream);
    this.#tls = tls;
  }

  get stream(): Duplex {
    return this.#stream;
  }

  get reader(): ByteReader {
    return this.#reader;
  }

  /** Whether TLS may begin. */
  get offersTls(): boolean {
    return this.#tls !== undefined && !this.#isSecure;
  }

  /** Whether nothing is to be told or done before it has. */
  get needsTls(): boolean {
    return this.offersTls && this.#tls?.optional !== true;
  }

  get isSecure(): boolean {
    return this.#isSecure;
  }

  /** Ends every wait for bytes. */
  stop(): void {
    this.#reader.stop();
    if (this.#shakesHands) this.#stream.destroy();
  }

  /** Resolves when the bytes have left, so that a client that does not read is not answered without end. */
  send(bytes: Uint8Array): Promise<undefined> {
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error ? reject(error) : resolve(undefined)));
    });
  }

  /**
   * Lets `agree` say so in the clear, and begins TLS. Rejects where that fails, and where the client has sent something
   * behind its wish: whoever put it there would have it taken for what comes by TLS.
   */
  async secure(agree: () => Promise<unknown>): Promise<void> {
    if (!this.#tls || this.#reader.hasMore) throw new Error("there are bytes behind STARTTLS");
    this.#reader.release();
    this.#shakesHands = true;
    await agree();
    this.#stream = await secured(this.#stream, this.#tls);
    this.#shakesHands = false;
    this.#isSecure = true;
    this.#reader = new ByteReader(this.#stream);
  }
}
