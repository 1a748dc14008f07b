/** A URL for messages: without userinfo, query and fragment, which are where secrets stand. */
export function redactedUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
