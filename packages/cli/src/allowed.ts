import type { Context } from "./command.js";
import { CliError } from "./errors.js";
import { allowedDirectories, type OpenedReference, openNamedFile } from "./gate.js";
import type { FileIdentity } from "./location.js";
import { localPathOf, type StorageSpec } from "./names/image-spec.js";
import { openSpec, type SpecHow } from "./open-spec.js";
import { allowedUrls, requireAllowedUrl } from "./url-gate.js";

/** What images may name: the gate for a whole chain. */
export class Allowed {
  readonly #context: Context;
  readonly #directories: readonly string[];
  readonly #urls: readonly string[];

  private constructor(context: Context, directories: readonly string[], urls: readonly string[]) {
    this.#context = context;
    this.#directories = directories;
    this.#urls = urls;
  }

  /** What the command line and the environment allow. */
  static async by(context: Context): Promise<Allowed> {
    const { access, host } = context;
    const directories = await allowedDirectories(access.allowPaths, host.env["INSTAR_ALLOW_PATH"]);
    return new Allowed(context, directories, allowedUrls(access.allowUrls, host.env["INSTAR_ALLOW_URL"]));
  }

  /**
   * Opens what an image names.
   *
   * @param what how messages begin
   * @param storage where the name leads
   * @param base where the image is
   * @throws {@link CliError} where it is not allowed, naming the option that would allow it
   */
  async open(what: string, storage: StorageSpec, base: StorageSpec, how: SpecHow): Promise<OpenedReference> {
    switch (storage.kind) {
      case "file": {
        const named = { what, path: storage.path, imagePath: localPathOf(base) };
        return openNamedFile(named, this.#directories, (path) => openSpec({ kind: "file", path }, how, this.#context));
      }
      case "url":
        requireAllowedUrl(what, storage.url, urlOf(base), this.#urls);
        return { file: await openSpec(storage, how, this.#context), identity: urlIdentity(storage.url) };
      case "part": {
        const { file, identity } = await this.open(what, storage.whole, base, how);
        try {
          const { FilePart } = await import("./file-part.js");
          return { file: new FilePart(file, storage.offset, storage.size), identity };
        } catch (error) {
          await file.close();
          throw new CliError(`${what}: ${error instanceof Error ? error.message : ""}`, { cause: error });
        }
      }
    }
  }
}

/** What tells one URL from another. */
export function urlIdentity(url: string): FileIdentity {
  return `url:${URL.canParse(url) ? new URL(url).href : url}`;
}

function urlOf(storage: StorageSpec): string | undefined {
  if (storage.kind === "part") return urlOf(storage.whole);
  return storage.kind === "url" ? storage.url : undefined;
}
