import { createHash } from "node:crypto";

/** What a store answers. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** One request, taken apart. */
export interface Asked {
  readonly method: string;
  /** Bucket and key. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly now: number;
}

interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly meta: Record<string, string>;
  /** When it came. */
  readonly time: number;
}

interface Upload {
  readonly name: string;
  readonly meta: Record<string, string>;
  readonly began: number;
  readonly parts: Map<number, StoredObject>;
}

/** What conditions a store honours, as they differ between real ones. */
export interface Honours {
  put: boolean;
  complete: boolean;
  copy: boolean;
}

/** Objects and multipart uploads in memory, with the rules that S3 has for them. */
export class SmallObjects {
  readonly objects: Map<string, StoredObject> = new Map();
  readonly uploads: Map<string, Upload> = new Map();
  readonly honours: Honours = { put: true, complete: true, copy: true };
  /** Least size of a part that is not the last. */
  leastPart: number = 5 * 2 ** 20;
  /** How many parts are listed at once. */
  partsPerPage: number = 1000;
  /** Whether all parts but the last must have the same size. */
  wantsEqualParts = false;
  #ids = 0;

  /** Puts an object without asking anybody. */
  put(name: string, body: Uint8Array, meta: Record<string, string> = {}, time: number = Date.now()): void {
    const copy = Buffer.from(body);
    this.objects.set(name, { body: copy, etag: `"${md5(copy)}"`, meta, time });
  }

  answer(asked: Asked): Reply {
    const { method, query } = asked;
    if (method === "GET" && query.has("uploads")) return this.#listUploads(asked);
    if (method === "POST" && query.has("uploads")) return this.#create(asked);
    if (method === "GET" && query.has("list-type")) return this.#list(asked);
    if (query.has("uploadId")) return this.#ofUpload(asked);
    if (method === "GET" || method === "HEAD") return this.#read(asked);
    if (method === "PUT") {
      if (this.honours.put && this.#refuses(asked)) return failure(412, "PreconditionFailed");
      this.put(asked.name, asked.body, metaOf(asked), asked.now);
      return { status: 200, headers: { etag: this.objects.get(asked.name)?.etag ?? "" } };
    }
    if (method === "DELETE") {
      this.objects.delete(asked.name);
      return { status: 204 };
    }
    return failure(501, "NotImplemented");
  }

  #read({ method, name, headers }: Asked): Reply {
    const found = this.objects.get(name);
    if (!found) return failure(404, "NoSuchKey");
    const match = headers["if-match"];
    if (match !== undefined && match !== found.etag) return failure(412, "PreconditionFailed");
    const { body, etag, meta, time } = found;
    const common = { etag, "accept-ranges": "bytes", "last-modified": new Date(time).toUTCString(), ...meta };
    const range = /^bytes=(\d+)-(\d+)$/.exec(String(headers["range"]));
    if (!range) {
      const length = { "content-length": String(body.length) };
      return { status: 200, headers: { ...common, ...length }, body: method === "HEAD" ? "" : body };
    }
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), body.length - 1)];
    if (first > last) return failure(416, "InvalidRange", { "content-range": `bytes */${body.length}` });
    const part = {
      "content-range": `bytes ${first}-${last}/${body.length}`,
      "content-length": String(last - first + 1),
    };
    return { status: 206, headers: { ...common, ...part }, body: body.subarray(first, last + 1) };
  }

  #create(asked: Asked): Reply {
    const id = `upload-${++this.#ids}`;
    this.uploads.set(id, { name: asked.name, meta: metaOf(asked), began: asked.now, parts: new Map() });
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  #ofUpload(asked: Asked): Reply {
    const { method, query, name } = asked;
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (!upload || upload.name !== name) return failure(404, "NoSuchUpload");
    if (method === "DELETE") {
      this.uploads.delete(id);
      return { status: 204 };
    }
    if (method === "GET") return listOfParts(upload, Number(query.get("part-number-marker")), this.partsPerPage);
    if (method === "POST") return this.#complete(asked, id, upload);
    return this.#part(asked, upload);
  }

  #part({ query, headers, body, now }: Asked, upload: Upload): Reply {
    const number = Number(query.get("partNumber"));
    if (!(number >= 1 && number <= 10_000)) return failure(400, "InvalidArgument");
    const source = headers["x-amz-copy-source"];
    let bytes = body;
    if (typeof source === "string") {
      const from = this.objects.get(decodeURIComponent(source).replace(/^\//, ""));
      const range = /^bytes=(\d+)-(\d+)$/.exec(String(headers["x-amz-copy-source-range"]));
      if (!from) return failure(404, "NoSuchKey");
      const match = headers["x-amz-copy-source-if-match"];
      if (this.honours.copy && match !== undefined && match !== from.etag) return failure(412, "PreconditionFailed");
      // As the reference of AWS has it.
      if (range && from.body.length <= 5 * 2 ** 20) return failure(400, "InvalidRequest");
      if (range && Number(range[2]) >= from.body.length) return failure(416, "InvalidRange");
      bytes = range ? from.body.subarray(Number(range[1]), Number(range[2]) + 1) : from.body;
    }
    const etag = `"${md5(bytes)}"`;
    upload.parts.set(number, { body: Buffer.from(bytes), etag, meta: {}, time: now });
    if (source === undefined) return { status: 200, headers: { etag } };
    return xml(`<CopyPartResult><ETag>${etag.replaceAll('"', "&quot;")}</ETag></CopyPartResult>`);
  }

  #complete(asked: Asked, id: string, upload: Upload): Reply {
    if (this.honours.complete && this.#refuses(asked)) return failure(412, "PreconditionFailed");
    const listed = [...asked.body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
    const parts = listed.map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part?.etag === etag?.replaceAll("&quot;", '"') ? part : undefined;
    });
    const bodies = parts.map((part) => part?.body ?? Buffer.alloc(0));
    if (parts.length === 0 || parts.includes(undefined)) return failure(400, "InvalidPart");
    if (bodies.slice(0, -1).some(({ length }) => length < this.leastPart)) return failure(400, "EntityTooSmall");
    const [size = 0] = bodies.map(({ length }) => length);
    const unequal = bodies.slice(0, -1).some(({ length }) => length !== size) || (bodies.at(-1)?.length ?? 0) > size;
    if (this.wantsEqualParts && unequal) return failure(400, "InvalidPart");
    const etag = `"${md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part?.body ?? ""), "hex"))))}-${parts.length}"`;
    this.objects.set(upload.name, { body: Buffer.concat(bodies), etag, meta: upload.meta, time: asked.now });
    this.uploads.delete(id);
    // Ceph, which honours no condition here, does not tell the ETag either.
    const told = this.honours.complete ? etag : "";
    return xml(`<CompleteMultipartUploadResult><ETag>${told}</ETag></CompleteMultipartUploadResult>`);
  }

  #list({ name, query }: Asked): Reply {
    const bucket = name.split("/")[0] ?? "";
    const prefix = `${bucket}/${query.get("prefix") ?? ""}`;
    const found = [...this.objects].filter((entry) => entry[0].startsWith(prefix));
    const items = found.map(([key, { time }]) => {
      const when = `<LastModified>${new Date(time).toISOString()}</LastModified>`;
      return `<Contents><Key>${key.slice(bucket.length + 1)}</Key>${when}</Contents>`;
    });
    return xml(`<ListBucketResult>${items.join("")}</ListBucketResult>`);
  }

  #listUploads({ name, query }: Asked): Reply {
    const bucket = name.split("/")[0] ?? "";
    const prefix = `${bucket}/${query.get("prefix") ?? ""}`;
    const found = [...this.uploads].filter((entry) => entry[1].name.startsWith(prefix));
    const items = found.map(
      ([id, upload]) =>
        `<Upload><Key>${upload.name.slice(bucket.length + 1)}</Key><UploadId>${id}</UploadId>` +
        `<Initiated>${new Date(upload.began).toISOString()}</Initiated></Upload>`,
    );
    return xml(`<ListMultipartUploadsResult>${items.join("")}</ListMultipartUploadsResult>`);
  }

  /** Whether a condition of a change does not hold. */
  #refuses({ headers, name }: Asked): boolean {
    const found = this.objects.get(name);
    if (headers["if-none-match"] === "*" && found) return true;
    return headers["if-match"] !== undefined && headers["if-match"] !== found?.etag;
  }
}

function listOfParts(upload: Upload, marker: number, most: number): Reply {
  const behind = [...upload.parts].sort(([a], [b]) => a - b).filter(([number]) => number > marker);
  const listed = behind.slice(0, most);
  const items = listed.map(([number, part]) => {
    const when = `<LastModified>${new Date(part.time).toISOString()}</LastModified>`;
    return `<Part><PartNumber>${number}</PartNumber>${when}<ETag>${part.etag}</ETag><Size>${part.body.length}</Size></Part>`;
  });
  const next = `<NextPartNumberMarker>${listed.at(-1)?.[0] ?? 0}</NextPartNumberMarker>`;
  const truncated = `<IsTruncated>${behind.length > listed.length}</IsTruncated>`;
  return xml(`<ListPartsResult>${next}${truncated}${items.join("")}</ListPartsResult>`);
}

/** What of the headers of a request belongs to the object. */
function metaOf({ headers }: Asked): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name === "content-type" || name.startsWith("x-amz-meta-"));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function md5(bytes: Uint8Array | string): string {
  return createHash("md5").update(bytes).digest("hex");
}

function xml(body: string): Reply {
  return { status: 200, headers: { "content-type": "application/xml" }, body: `<?xml version="1.0"?>\n${body}` };
}

/** A refusal with an error body. */
export function failure(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>because</Message></Error>`;
  return { status, headers: { "content-type": "application/xml", ...headers }, body };
}
