import type { BackendFactory } from "../src/conformance/index.js";
import { type Backend, MemoryBackend, MemoryPages } from "../src/index.js";

/** A factory of memory backends, each of which `wrap` may put something around. */
export function memoryFactory(
  name: string,
  layout: { readonly blockSize?: number; readonly sizeStep?: number } = {},
  wrap: (backend: MemoryBackend, pages: MemoryPages) => Backend = (backend) => backend,
): BackendFactory {
  return {
    name,
    capabilities: new MemoryBackend().capabilities,
    ...layout,
    async create(contents) {
      const pages = new MemoryPages();
      const open = (readOnly: boolean): MemoryBackend => new MemoryBackend({ pages, readOnly });
      const opened = open(false);
      await opened.write(contents, 0);
      return {
        backend: wrap(opened, pages),
        reopen: async ({ write }) => open(!write),
        afterCrash: async () => open(true),
      };
    },
  };
}
