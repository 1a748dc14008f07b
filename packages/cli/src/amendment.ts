import type { AmendOptions, Qcow2Image } from "@instar/qcow2";
import { parseKeyValues } from "./args.js";
import { type CreateOptions, parseCreateOptions } from "./create-options.js";
import { CliError, UsageError } from "./errors.js";
import { inOurWords } from "./option-names.js";

/** What of an image can be changed. */
const AMENDABLE = ["backing_file", "backing_fmt", "compat", "lazy_refcounts", "refcount_bits", "size"];

const HELP = `Amend options for 'qcow2':
  compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])
  lazy_refcounts=<bool>  - Let QEMU leave refcounts out of date while it writes
  refcount_bits=<num>    - Width of a reference count entry in bits, 1 to 64
  size=<size>            - Virtual disk size
`;

/** The text for `-o help` or `-o ?`, if that is among the options. */
export function amendOptionsHelp(lists: readonly string[]): string | undefined {
  return lists.some((list) => /(^|,)(help|\?)(,|$)/.test(list)) ? HELP : undefined;
}

/**
 * Understands what stands behind `-o` of `amend`.
 *
 * @throws {@link UsageError} for an option that is none, or cannot be changed
 */
export function parseAmendOptions(lists: readonly string[]): CreateOptions {
  const options = parseCreateOptions("qcow2", lists);
  for (const name of parseKeyValues(lists).keys()) {
    if (AMENDABLE.includes(name)) continue;
    throw new UsageError(`Invalid parameter '${name}': This option is only supported for image creation`);
  }
  return options;
}

/**
 * Changes options of an image. What is as asked for already stays.
 *
 * @param name what the user called it
 * @throws {@link CliError} for what cannot be changed, before anything is
 */
export async function amendImage(
  name: string,
  qcow2: Qcow2Image,
  options: CreateOptions,
  signal: AbortSignal,
): Promise<void> {
  const info = qcow2.info();
  const { compat, refcountBits, lazyRefcounts, backingFile, backingFormat, size } = options;
  if (
    (backingFile !== undefined && backingFile !== (info.backingFile ?? "")) ||
    (backingFormat !== undefined && backingFormat !== info.backingFormat)
  ) {
    throw new CliError("Cannot amend the backing file: 'rebase' can");
  }
  const version = compat === undefined ? undefined : compat === "0.10" || compat === "v2" ? 2 : 3;
  const changes: AmendOptions = {
    ...(version !== info.version && { version }),
    ...(refcountBits !== info.refcountBits && { refcountBits }),
    ...(lazyRefcounts !== info.lazyRefcounts && { lazyRefcounts }),
    ...(size !== qcow2.size && { size }),
  };
  if (Object.values(changes).every((value) => value === undefined)) return;
  try {
    await qcow2.amend(changes);
  } catch (error) {
    throw inOurWords(name, error);
  }
  await qcow2.sync({ signal });
}
