/** A connection to an origin, as bytes in both directions. */
export interface Wire {
  /** Sends a head, in Latin-1, and what follows it. `body` must stay as it is until it has been sent. */
  send(head: string, body: Uint8Array | undefined): void;
  /** Whether all that was to be sent has been handed to the system. */
  readonly sent: boolean;
  /** Nothing is expected of it for now: it keeps no program from ending, and is over after so many milliseconds. */
  rest(limit: number): void;
  /** It is needed again. */
  wake(): void;
  /** Breaks the connection. Only `closed` is called afterwards. */
  destroy(): void;
}

/** What becomes of a wire. Nothing is called before `open` has returned. */
export interface WireEvents {
  /** It is connected, and so is TLS. */
  connected(): void;
  /** Where the bytes that come next may be put, as far as they go; `undefined` for memory of the wire's. */
  room(): Uint8Array | undefined;
  /** Bytes have come, into what `room` gave last or memory that is the wire's again when the call returns. */
  received(bytes: Uint8Array): void;
  /** The other side sends no more, or it has rested for as long as it may. */
  ended(): void;
  /** It is no more; with the error that ended it, if one did. The last call. */
  closed(error: Error | undefined): void;
}

/** Connects to an origin. */
export type OpenWire = (origin: URL, events: WireEvents) => Wire;

/** What is said where TLS begins, as `tls.connect` takes it. */
export interface TlsOptions {
  /** Certificates in PEM that are trusted instead of the usual ones. */
  readonly ca?: string | undefined;
  /** The client's own certificate with those above it, in PEM. */
  readonly cert?: string | undefined;
  /** The key of that certificate, in PEM. */
  readonly key?: string | undefined;
  /** What the key is encrypted with. */
  readonly passphrase?: string | undefined;
  /** The name that the certificate of the server has to be for, where it is not that of the URL. */
  readonly servername?: string | undefined;
  /** `false` trusts whoever answers. Defaults to `true`. */
  readonly rejectUnauthorized?: boolean | undefined;
}
