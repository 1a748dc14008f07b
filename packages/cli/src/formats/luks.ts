import { LuksDisk } from "@instar/luks";
import { CliError } from "../errors.js";
import type { OpenFormat } from "./driver.js";
import { luksFields } from "./luks-fields.js";

/** Opens a disk in a LUKS container. */
export const openLuks: OpenFormat = async (file, { write, metadataOnly, passphrase, signal }) => {
  if (!passphrase && !metadataOnly) {
    throw new CliError("encrypted with LUKS: --image-opts with driver=luks and key-secret=ID, and --object, open it");
  }
  const disk = await LuksDisk.open(file, {
    write,
    passphrase: metadataOnly ? undefined : await passphrase?.(),
    signal,
  });
  return { disk, described: { encrypted: true, specific: { type: "luks", data: luksFields(disk.header) } } };
};
