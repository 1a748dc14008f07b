import { mergeConfig } from "vitest/config";

import common from "../vitest.config.ts";

// Each test uses all processors by itself.
export default mergeConfig(common, { test: { fileParallelism: false } });
