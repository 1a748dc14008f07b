import { isBackendError } from "@instar/backend";
import { ConformanceError, type TestRunner } from "@instar/backend/conformance";

import { isImageError } from "../image-error.js";
import { memoryOf } from "./reading.js";
import { othersOf } from "./trial.js";
import type { ImageFactory } from "./types.js";

/** What no format is: nothing, less than a sector, and zeroes. */
const FOREIGN = [0, 511, 65_536];

/** Rules of whose the file is, and of files of other formats. */
export function fileRules(runner: TestRunner, factory: ImageFactory): void {
  const { samples } = factory;

  runner.it("closes its file when it is closed", async () => {
    for (const sample of samples) {
      const file = await memoryOf(sample.file);
      await (await factory.open(file, othersOf(sample))).close();
      const error: unknown = await file.read(new Uint8Array(1), 0).catch((reason: unknown) => reason);
      if (!isBackendError(error, "ERR_CLOSED")) throw new ConformanceError(`${sample.name}: the file is still open`);
    }
  });

  for (const length of FOREIGN) {
    runner.it(`refuses ${length} bytes of zeroes by their format, and leaves the file open`, async () => {
      const file = await memoryOf(new Uint8Array(length));
      if (await factory.probe?.(file)) throw new ConformanceError("probing takes it for an image");
      const opening = factory.open(file, (name) => memoryOf(new Uint8Array(), name));
      const error: unknown = await opening.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!isImageError(error, "ERR_NOT_THIS_FORMAT")) {
        throw new ConformanceError(`must be refused with ERR_NOT_THIS_FORMAT: ${String(error)}`, { cause: error });
      }
      await file.read(new Uint8Array(length), 0);
    });
  }
}
