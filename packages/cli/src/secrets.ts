import { readFile } from "node:fs/promises";
import { parseKeyValues } from "./args.js";
import { CliError, oneLine, UsageError } from "./errors.js";

/** Where a secret is. What is in it never goes into a message. */
interface Secret {
  readonly data: string | undefined;
  readonly file: string | undefined;
  readonly base64: boolean;
}

const KEYS: ReadonlySet<string> = new Set(["qom-type", "id", "data", "file", "format"]);
/** A secret is a password or a key; what is larger is a file named by mistake. */
const LARGEST_FILE = 1_048_576;

/** The secrets that `--object` defines, by their IDs. */
export class Secrets {
  readonly #byId: ReadonlyMap<string, Secret>;

  private constructor(byId: ReadonlyMap<string, Secret>) {
    this.#byId = byId;
  }

  /**
   * Understands the values of all `--object`: `secret,id=ID,data=TEXT` or `secret,id=ID,file=FILE`, either with
   * `format=raw` (the default) or `format=base64`; or the same as a JSON object with `qom-type`.
   *
   * @throws {@link UsageError} that names the key, and never what a secret is.
   */
  static parse(objects: readonly string[]): Secrets {
    const byId = new Map<string, Secret>();
    for (const object of objects) {
      const [id, secret] = secretOf(object.startsWith("{") ? fromJson(object) : fromList(object));
      if (byId.has(id)) throw new UsageError(`--object: there are two with the ID '${id}'`);
      byId.set(id, secret);
    }
    return new Secrets(byId);
  }

  /**
   * The bytes of a secret: of `data`, or of the file, which is read now and taken as it is, a newline at its end
   * included.
   *
   * @throws {@link CliError} where there is no such secret, or it cannot be read.
   */
  async read(id: string): Promise<Uint8Array> {
    const secret = this.#byId.get(id);
    if (!secret) throw new CliError(`there is no secret '${id}': --object secret,id=${id},file=FILE defines it`);
    const { data, file, base64 } = secret;
    const bytes = file === undefined ? Buffer.from(data ?? "") : await contentOf(id, file);
    return base64 ? decoded(id, bytes) : bytes;
  }
}

function fromList(object: string): ReadonlyMap<string, string> {
  const [type = "", ...rest] = object.split(",");
  return new Map([["qom-type", type], ...parseKeyValues([rest.join(",")], "--object")]);
}

function fromJson(object: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed(object))) {
    if (typeof value !== "string") throw new UsageError(`--object: '${key}' must be a string`);
    entries.set(key, value);
  }
  return entries;
}

function parsed(object: string): object {
  try {
    const value: unknown = JSON.parse(object);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The message of the parser would show what stands there.
  }
  throw new UsageError("--object: is not well-formed JSON");
}

function secretOf(values: ReadonlyMap<string, string>): [id: string, secret: Secret] {
  const type = values.get("qom-type");
  if (type !== "secret")
    throw new UsageError(`--object: objects of type '${type ?? ""}' are not supported (only secret)`);
  for (const key of values.keys()) {
    if (!KEYS.has(key)) throw new UsageError(`--object: a secret has no '${key}' here (only id, data, file, format)`);
  }
  const id = values.get("id") ?? "";
  if (!/^[a-z][\w.-]*$/i.test(id)) {
    throw new UsageError(`--object: id '${id}': must begin with a letter, of letters, digits, '-', '.' and '_'`);
  }
  const [data, file, format = "raw"] = [values.get("data"), values.get("file"), values.get("format")];
  if ((data === undefined) === (file === undefined)) {
    throw new UsageError(`--object: secret '${id}' needs either data or file`);
  }
  if (format !== "raw" && format !== "base64") {
    throw new UsageError(`--object: secret '${id}': format '${format}': must be one of raw, base64`);
  }
  return [id, { data, file, base64: format === "base64" }];
}

async function contentOf(id: string, file: string): Promise<Buffer> {
  try {
    const bytes = await readFile(file);
    if (bytes.byteLength <= LARGEST_FILE) return bytes;
  } catch (error) {
    throw new CliError(`secret '${id}' cannot be read: ${oneLine(error)}`, { cause: error });
  }
  throw new CliError(`secret '${id}': the file '${file}' is too large: the limit is ${LARGEST_FILE} bytes`);
}

function decoded(id: string, bytes: Buffer): Buffer {
  const text = bytes.toString("latin1").replace(/\s+/g, "");
  if (/^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i.test(text)) return Buffer.from(text, "base64");
  throw new CliError(`secret '${id}': is not well-formed base64`);
}
