import type { ImageHost } from "../image-host.js";
import { checkImage, type CheckOptions } from "./check-image.js";
import { repairImage, type RepairWhat } from "./repair-image.js";
import type { CheckReport } from "./report.js";

/** Options of a check of an open image. */
export interface ImageCheckOptions extends CheckOptions {
  /** What to repair before; nothing by default. */
  readonly repair?: RepairWhat | undefined;
}

/** Checks an image, or repairs it first, while no request is under way. */
export function checkOpenImage(host: ImageHost, write: boolean, options: ImageCheckOptions): Promise<CheckReport> {
  const { repair } = options;
  return host.alone(async () => {
    const { file, header, durability, stateSwitch } = host.engine;
    if (write) await durability.writeOut();
    if (repair === undefined) return checkImage(file.backend, header.current, options);
    return stateSwitch.inFile(() => repairImage(file, header, repair, options));
  });
}
