import { encodeBacking } from "./create-options.js";
import { ruleError } from "./errors.js";
import { isDataFileRaw } from "./features.js";
import type { Qcow2Header } from "./header.js";
import { EXTENSION, withExtension } from "./header-extensions.js";
import type { ImageHost } from "./image-host.js";
import type { HeaderChange } from "./live-header.js";

/** What of an image is to change. What is left out stays. */
export interface AmendOptions {
  /**
   * The backing file that the image names from then on, and its format; `null` for none. Nothing is copied, and an
   * image that is open goes on with the backing image that it has: through the other one the guest must see the same.
   */
  readonly backing?: { readonly name: string; readonly format?: string | undefined } | null | undefined;
}

/** Changes what an image says of itself. */
export async function amendImage(host: ImageHost, { backing }: AmendOptions): Promise<void> {
  const { engine, prepare, alone } = host;
  await prepare();
  await alone(async () => {
    // What the image holds by now may be what the other backing file lacks.
    await engine.durability.writeOut();
    const { current } = engine.header;
    if (backing !== undefined) await engine.header.update(renamed(current, backing, engine.file.name));
  });
}

function renamed(
  header: Qcow2Header,
  backing: NonNullable<AmendOptions["backing"]> | null,
  where: string,
): HeaderChange {
  if (backing === null) {
    const extensions = withExtension(header.extensions, EXTENSION.backingFormat, undefined);
    return { extensions, backingFileName: new Uint8Array(0) };
  }
  if (isDataFileRaw(header)) {
    const rule = "absent: a raw external data file has all of the disk";
    throw ruleError("ERR_INVALID_OPTION", where, "backing.name", backing.name, rule);
  }
  const { name, format } = encodeBacking(where, backing);
  return { extensions: withExtension(header.extensions, EXTENSION.backingFormat, format), backingFileName: name };
}
