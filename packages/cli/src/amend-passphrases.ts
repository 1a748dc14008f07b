import { integerIn, oneOf } from "./args.js";
import { iterTimeNamed, LONGEST_OPENING } from "./encrypt-options.js";
import { CliError, UsageError } from "./errors.js";
import type { Image } from "./image.js";
import type { Secrets } from "./secrets.js";

/** What `amend -o encrypt.…` does to the passphrases of an image. Secrets are named by their IDs. */
export type PassphraseChange =
  | { readonly add: string; readonly slot: number | undefined; readonly iterTime: number }
  | { readonly remove: string | undefined; readonly slot: number | undefined };

/** The options, without `encrypt.`. */
const NAMES: readonly string[] = ["iter-time", "keyslot", "new-secret", "old-secret", "state"];
const LAST_SLOT = 7;

/** Whether `amend` has an option of that name. */
export function isPassphraseOption(name: string): boolean {
  return name.startsWith("encrypt.") && NAMES.includes(name.slice("encrypt.".length));
}

/**
 * Understands the options, of which some go with `state=active` and some with `state=inactive`.
 *
 * @returns `undefined` where there are none
 * @throws {@link UsageError}
 */
export function passphraseChange(options: ReadonlyMap<string, string>): PassphraseChange | undefined {
  const value = (name: string): string | undefined => options.get(`encrypt.${name}`);
  if (NAMES.every((name) => value(name) === undefined)) return undefined;
  const state = oneOf("encrypt.state", value("state") ?? "", ["active", "inactive"]);
  const keyslot = value("keyslot");
  const slot = keyslot === undefined ? undefined : integerIn("encrypt.keyslot", keyslot, 0, LAST_SLOT);
  const [added, removed, iterTime] = [value("new-secret"), value("old-secret"), value("iter-time")];
  if (state === "active") {
    if (added === undefined) throw new UsageError("'new-secret' is required to activate a keyslot");
    if (removed !== undefined) throw new UsageError("'old-secret' must not be given when activating keyslots");
    return {
      add: added,
      slot,
      iterTime: iterTime === undefined ? LONGEST_OPENING : iterTimeNamed("encrypt.", iterTime),
    };
  }
  if (added !== undefined) throw new UsageError("'new-secret' must not be given when erasing keyslots");
  if (iterTime !== undefined) throw new UsageError("'iter-time' must not be given when erasing keyslots");
  if (removed === undefined && slot === undefined) {
    throw new UsageError(
      "To erase keyslot(s), either explicit keyslot index or the password currently contained in them must be given",
    );
  }
  return { remove: removed, slot };
}

/**
 * Changes the passphrases of an image.
 *
 * @throws {@link CliError} where it is not encrypted, or a secret is missing; what the image throws
 */
export async function changePassphrases(
  { qcow2, layers }: Pick<Image, "qcow2" | "layers">,
  change: PassphraseChange,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<void> {
  const encryption = qcow2?.encryption;
  if (!encryption) throw new CliError("Can't amend encryption options - encryption not present");
  const { slot } = change;
  if ("add" in change) {
    const keySecret = layers[0]?.spec.keySecret;
    if (keySecret === undefined) {
      throw new CliError(
        "Parameter 'encrypt.key-secret' is required: the image is named with it by --image-opts or json:",
      );
    }
    const newPassphrase = await secrets.read(change.add);
    if (newPassphrase.byteLength === 0) throw new CliError(`secret '${change.add}' is empty`);
    const clock = (): number => performance.now();
    const passphrase = await secrets.read(keySecret);
    await encryption.addPassphrase({ passphrase, newPassphrase, slot, iterTime: change.iterTime, clock, signal });
  } else {
    const passphrase = change.remove === undefined ? undefined : await secrets.read(change.remove);
    await encryption.removePassphrase({ passphrase, slot, signal });
  }
}
