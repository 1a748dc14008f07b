import type { Format } from "../format-names.js";
import type { OpenFormat } from "./driver.js";

/** Loads what opens images of a format; `raw` needs nothing. Start-up time counts: what is not needed is not loaded. */
export const DRIVERS: Readonly<Record<Exclude<Format, "raw">, () => Promise<OpenFormat>>> = {
  luks: async () => (await import("./luks.js")).openLuks,
  qcow2: async () => (await import("./qcow2.js")).openQcow2,
  vdi: async () => (await import("./vdi.js")).openVdi,
  vhdx: async () => (await import("./vhdx.js")).openVhdx,
  vmdk: async () => (await import("./vmdk.js")).openVmdk,
  vpc: async () => (await import("./vpc.js")).openVpc,
};
