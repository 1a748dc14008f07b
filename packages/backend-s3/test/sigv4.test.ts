import { expect, it } from "vitest";
import { presign } from "../src/index.js";
import { payloadHash, signedHeaders } from "../src/sigv4.js";

// The examples of the documentation of S3 ("Authenticating Requests", May 24, 2013).
const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const time = Date.parse("2013-05-24T00:00:00Z");
const signing = { credentials, region: "us-east-1", time };
const host = "examplebucket.s3.amazonaws.com";
const empty = payloadHash(undefined);

function signatureOf(headers: Record<string, string>): string | undefined {
  return /Signature=(\w+)$/.exec(headers["authorization"] ?? "")?.[1];
}

it("signs a GET with a range as the documentation does", () => {
  const request = { method: "GET", host, path: "/test.txt", query: [], headers: { range: "bytes=0-9" } } as const;
  expect(signatureOf(signedHeaders(request, empty, signing))).toBe(
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
});

it("signs a PUT with a body as the documentation does", () => {
  const headers = { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" };
  const request = { method: "PUT", host, path: "/test%24file.text", query: [], headers } as const;
  const hash = payloadHash(new TextEncoder().encode("Welcome to Amazon S3."));
  expect(signatureOf(signedHeaders(request, hash, signing))).toBe(
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  );
});

it.each<[[string, string][], string]>([
  [[["lifecycle", ""]], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
  [
    [
      ["max-keys", "2"],
      ["prefix", "J"],
    ],
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
])("signs the query %j as the documentation does", (query, signature) => {
  const request = { method: "GET", host, path: "/", query, headers: {} } as const;
  expect(signatureOf(signedHeaders(request, empty, signing))).toBe(signature);
});

it("presigns as the documentation does", () => {
  const location = { bucket: "examplebucket", key: "test.txt", endpoint: "https://s3.amazonaws.com" };
  const url = presign({ ...location, addressing: "virtual", credentials, time, seconds: 86_400 });
  expect(url).toContain("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
});
