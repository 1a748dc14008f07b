import { CliError } from "./errors.js";

/** A URL without what may be secret: userinfo, query and fragment. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return "a URL that is not well-formed";
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** The prefixes that `--allow-url` and `INSTAR_ALLOW_URL` (separated by spaces) name. */
export function allowedUrls(options: readonly string[], variable = ""): string[] {
  for (const option of options) {
    if (!URL.canParse(option))
      throw new CliError(`--allow-url '${option}': must be a URL, such as https://host/images/`);
  }
  return [...options, ...variable.split(/\s+/).filter((prefix) => URL.canParse(prefix))];
}

/**
 * Refuses a URL that an image names, unless it lies in the directory of the URL of the image, or in one that is allowed,
 * or below.
 *
 * @param what how messages begin
 * @param own the URL of the image, if it has one
 * @throws {@link CliError} that names the option that would allow it
 */
export function requireAllowedUrl(
  what: string,
  url: string,
  own: string | undefined,
  prefixes: readonly string[],
): void {
  if (!URL.canParse(url)) throw new CliError(`${what} is not a well-formed URL`);
  const wanted = new URL(url);
  // A store does not take them away, so that the key would be another than the one that is looked at here.
  if (wanted.protocol === "s3:" && /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(url.replace(/\?.*/s, ""))) {
    throw new CliError(`${what} has '.' or '..' as a part of its key, which images may not name`);
  }
  const directories = prefixes.map((prefix) => new URL(prefix));
  if (own !== undefined) directories.push(directoryOf(own));
  if (directories.some((directory) => covers(directory, wanted))) return;
  const directory = shownUrl(directoryOf(url).href);
  throw new CliError(`${what} is not in a place that images may name: --allow-url '${directory}' would allow it`);
}

/** The query of an object says where its store is, so that of the directory is the same. */
function directoryOf(url: string): URL {
  const directory = new URL(".", url);
  if (directory.protocol === "s3:") directory.search = new URL(url).search;
  return directory;
}

function covers(directory: URL, wanted: URL): boolean {
  for (const part of ["protocol", "host", "username", "password"] as const) {
    if (directory[part] !== wanted[part]) return false;
  }
  if (wanted.protocol === "s3:" && wanted.search !== directory.search) return false;
  // A server may take %2f for a slash, and ".." behind it for the way up.
  if (/\.\.|%2e/i.test(wanted.pathname) && /%2f|%5c/i.test(wanted.pathname)) return false;
  const path = directory.pathname.endsWith("/") ? directory.pathname : `${directory.pathname}/`;
  return wanted.pathname === directory.pathname || wanted.pathname.startsWith(path);
}
