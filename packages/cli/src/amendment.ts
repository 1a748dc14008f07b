import type { AmendOptions, Qcow2Image } from "@instar/qcow2";
import { isPassphraseOption, type PassphraseChange, passphraseChange } from "./amend-passphrases.js";
import { parseKeyValues } from "./args.js";
import { type CreateOptions, optionsFrom } from "./create-options.js";
import { CliError, UsageError } from "./errors.js";
import { inOurWords } from "./option-names.js";

/** What of an image can be changed. */
const AMENDABLE: readonly string[] = [
  "backing_file",
  "backing_fmt",
  "compat",
  "data_file",
  "data_file_raw",
  "lazy_refcounts",
  "refcount_bits",
  "size",
];

const HELP = `Amend options for 'qcow2':
  compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])
  data_file=<str>        - Name of the external data file, of an image that has one
  data_file_raw=<bool>   - off: that file by itself is not the disk any more
  encrypt.state=<str>    - active adds a passphrase, inactive removes one
  encrypt.new-secret=<str>
                         - ID of the secret that is the passphrase to add (--object secret,id=ID,file=FILE)
  encrypt.old-secret=<str>
                         - ID of the secret that is the passphrase to remove, from all key slots it opens
  encrypt.keyslot=<num>  - The key slot to use or to clear, 0 to 7
  encrypt.iter-time=<num>
                         - Milliseconds that opening the key slot is to take (default: 2000)
  lazy_refcounts=<bool>  - Let QEMU leave refcounts out of date while it writes
  refcount_bits=<num>    - Width of a reference count entry in bits, 1 to 64
  size=<size>            - Virtual disk size
`;

/** The text for `-o help` or `-o ?`, if that is among the options. */
export function amendOptionsHelp(lists: readonly string[]): string | undefined {
  return lists.some((list) => /(^|,)(help|\?)(,|$)/.test(list)) ? HELP : undefined;
}

/** What is to be changed. */
export interface Amendment {
  readonly options: CreateOptions;
  readonly passphrases: PassphraseChange | undefined;
}

/**
 * Understands what stands behind `-o` of `amend`.
 *
 * @throws {@link UsageError} for an option that is none, or cannot be changed
 */
export function parseAmendOptions(lists: readonly string[]): Amendment {
  const given = parseKeyValues(lists);
  const plain = new Map([...given].filter(([name]) => !isPassphraseOption(name)));
  const options = optionsFrom("qcow2", plain);
  for (const name of plain.keys()) {
    if (AMENDABLE.includes(name)) continue;
    throw new UsageError(`Invalid parameter '${name}': This option is only supported for image creation`);
  }
  return { options, passphrases: passphraseChange(given) };
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
  const { compat, refcountBits, lazyRefcounts, backingFile, backingFormat, size, dataFile, dataFileRaw } = options;
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
    ...(dataFile !== info.dataFile && { dataFile }),
    ...(dataFileRaw !== undefined && dataFileRaw !== (info.dataFileRaw ?? false) && { dataFileRaw }),
  };
  if (Object.values(changes).every((value) => value === undefined)) return;
  try {
    await qcow2.amend(changes);
  } catch (error) {
    throw inOurWords(name, error);
  }
  await qcow2.sync({ signal });
}
