import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Who may ask a small store. */
export interface Account {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

interface Claim {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly token: string | undefined;
  /** In milliseconds. */
  readonly lasts: number;
}

/** What is wrong with the signature of a request, as the code of an S3 error; `undefined` when nothing is. */
export function signatureFault(
  request: IncomingMessage,
  body: Uint8Array,
  account: Account,
  region: string,
  now: number,
): string | undefined {
  const url = new URL(request.url ?? "", "http://x");
  const claim = claimOf(request, url.searchParams);
  if (!claim) return "AccessDenied";
  const [id, day, scope, service] = claim.credential.split("/");
  if (id !== account.accessKeyId) return "InvalidAccessKeyId";
  if (claim.token !== account.sessionToken) return "InvalidToken";
  if (scope !== region || service !== "s3") return "AuthorizationHeaderMalformed";
  const time = Date.parse(claim.date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(now - time) < claim.lasts)) return "RequestTimeTooSkewed";
  const hash = request.headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD";
  if (hash !== "UNSIGNED-PAYLOAD" && hash !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const names = claim.signedHeaders.split(";");
  const unsigned = Object.keys(request.headers).filter((name) => name.startsWith("x-amz-") && !names.includes(name));
  if (unsigned.length > 0 || !names.includes("host")) return "AccessDenied";
  const canonical = [
    request.method,
    (request.url ?? "").split("?")[0],
    (request.url ?? "")
      .split("?")
      .slice(1)
      .join("?")
      .split("&")
      .filter((pair) => !pair.startsWith("X-Amz-Signature="))
      .map((pair) => (pair === "" || pair.includes("=") ? pair : `${pair}=`))
      .sort()
      .join("&"),
    ...names.map((name) => `${name}:${String(request.headers[name] ?? "").trim()}`),
    "",
    claim.signedHeaders,
    hash,
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", claim.date, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join("\n");
  let key: string | Buffer = `AWS4${account.secretAccessKey}`;
  for (const part of [day ?? "", region, "s3", "aws4_request"]) key = hmac(key, part);
  return hmac(key, text).toString("hex") === claim.signature ? undefined : "SignatureDoesNotMatch";
}

function claimOf(request: IncomingMessage, query: URLSearchParams): Claim | undefined {
  const header = request.headers.authorization;
  if (header === undefined) {
    if (!query.has("X-Amz-Signature")) return undefined;
    return {
      credential: query.get("X-Amz-Credential") ?? "",
      signedHeaders: query.get("X-Amz-SignedHeaders") ?? "",
      signature: query.get("X-Amz-Signature") ?? "",
      date: query.get("X-Amz-Date") ?? "",
      token: query.get("X-Amz-Security-Token") ?? undefined,
      lasts: Number(query.get("X-Amz-Expires")) * 1000,
    };
  }
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(header);
  if (!match) return undefined;
  const token = request.headers["x-amz-security-token"];
  return {
    credential: match[1] ?? "",
    signedHeaders: match[2] ?? "",
    signature: match[3] ?? "",
    date: String(request.headers["x-amz-date"]),
    token: typeof token === "string" ? token : undefined,
    lasts: 15 * 60_000,
  };
}
