import { NEW_V3_LENGTH } from "./create-layout.js";
import type { Engine } from "./engine.js";
import { quote, ruleError } from "./errors.js";
import { encodeFeatureNames, featureNames, KNOWN_FEATURES } from "./features.js";
import { V2_LENGTH } from "./header.js";
import { EXTENSION, findExtension, withExtension } from "./header-extensions.js";
import type { ImageHost } from "./image-host.js";
import { withDiskSize } from "./snapshot-entry.js";
import { SnapshotSwitch } from "./snapshot-switch.js";
import { readSnapshotTable } from "./snapshot-table.js";
import { ZeroExpansion } from "./zero-expansion.js";

/** Makes an image one of version 3. Snapshots tell their size from then on. */
export async function toVersion3(engine: Engine): Promise<void> {
  const { header, layout, stateSwitch } = engine;
  const { extensions, size } = header.current;
  const names = layout.clusterSize > 4096 ? encodeFeatureNames(KNOWN_FEATURES) : undefined;
  const change = {
    version: 3 as const,
    headerLength: NEW_V3_LENGTH,
    unknownFields: new Uint8Array(NEW_V3_LENGTH - 105),
    features: { incompatible: 0n, compatible: 0n, autoclear: 0n },
    extensions: withExtension(extensions, EXTENSION.featureNames, names),
  };
  await stateSwitch.run(async (next) => {
    const its = new SnapshotSwitch(engine, next);
    const table = await its.snapshotTable((entries) => entries.map(({ bytes }) => withDiskSize(bytes, size)));
    return { ...change, ...table };
  });
}

/**
 * Refuses to make an image one of version 2 that has what version 2 cannot express.
 *
 * @param size size that the disk is to have by then, in bytes
 * @throws {@link Qcow2Error} `ERR_INVALID_OPTION`
 */
export async function refuseDowngrade({ engine, openSnapshots }: ImageHost, size: number): Promise<void> {
  const { header, file, bitmaps } = engine;
  const { incompatible } = header.current.features;
  const refuse = (what: string): never => {
    throw ruleError("ERR_INVALID_OPTION", file.name, "version", 2, `3 as long as the image has ${what}`);
  };
  if (incompatible !== 0n) refuse(featureNames("incompatible", incompatible).map(quote).join(", "));
  if (findExtension(header.current.extensions, EXTENSION.encryption)) refuse("encryption with LUKS");
  if (bitmaps.bitmaps.length > 0) refuse("bitmaps");
  // The tables of snapshots are replaced, too.
  if (openSnapshots.size > 0) refuse("snapshots that are open");
  const { snapshots } = await readSnapshotTable(file.backend, header.current);
  const other = snapshots.find((its) => its.vmStateSize > 0 || (its.diskSize ?? size) !== size);
  if (other) refuse(`snapshot ${quote(other.id)} with the state of a machine or another size`);
}

/** Makes an image one of version 2, which {@link refuseDowngrade} has let through. */
export async function toVersion2(engine: Engine): Promise<void> {
  const { header, stateSwitch } = engine;
  await stateSwitch.run(async (next) => {
    const change = await new ZeroExpansion(engine, next).build();
    return {
      ...change,
      version: 2,
      headerLength: V2_LENGTH,
      unknownFields: new Uint8Array(0),
      features: { incompatible: 0n, compatible: 0n, autoclear: 0n },
      extensions: withExtension(header.current.extensions, EXTENSION.featureNames, undefined),
    };
  });
}
