/** Percent-encodes all but the unreserved characters of RFC 3986, as S3 wants what it signs. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The key of an object as a path: its slashes stay. */
export function keyPath(key: string): string {
  return key.split("/").map(percentEncoded).join("/");
}
