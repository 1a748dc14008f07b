const LF = 10;

/** Gathers text in Latin-1 up to an end of line, from bytes as they come. */
export class TextUntil {
  readonly #end: string;
  readonly #limit: number;
  /** What has come of a text that is not whole. */
  #begun: Uint8Array | undefined;
  /** The text that the last call has found the end of, without that end. */
  text: string | undefined;

  /** `end` is `"\r\n"` once or several times; `limit` is the most bytes of a text. */
  constructor(end: string, limit: number) {
    this.#end = end;
    this.#limit = limit;
  }

  /**
   * Takes bytes, and returns how many of them belong to the text.
   *
   * @throws `Error` when it is too long.
   */
  take(bytes: Uint8Array): number {
    const before = this.#begun?.length ?? 0;
    const all = this.#begun ? joined(this.#begun, bytes) : bytes;
    const end = this.#endIn(all, before);
    if ((end ?? all.length) > this.#limit) throw new Error(`the server sends over ${this.#limit} bytes of fields`);
    if (end === undefined) {
      this.#begun = all === bytes ? bytes.slice() : all;
      this.text = undefined;
      return bytes.length;
    }
    this.#begun = undefined;
    this.text = latin1(all.subarray(0, end - this.#end.length));
    return end - before;
  }

  /** Where the text is over, looked for from an offset on. */
  #endIn(bytes: Uint8Array, from: number): number | undefined {
    for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if (at + 1 >= this.#end.length && latin1(bytes.subarray(at + 1 - this.#end.length, at + 1)) === this.#end)
        return at + 1;
    }
    return undefined;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Each byte is the character of its number, as in HTTP; what a `TextDecoder` calls Latin-1 is another code. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
