import { type Backend, BackendRegistry, type OpenOptions } from "@instar/backend";
import { fsPlugin, linuxSparseCalls, type SparseCalls } from "@instar/backend-fs";

/** How to open a location. */
export interface StorageOptions extends OpenOptions {
  /**
   * Whether holes of files are to be known, and made. It needs the package `koffi`, where that is installed, which
   * takes longer to load than a short command takes.
   */
  readonly sparse?: boolean | undefined;
}

/** Made when first needed. */
const registries: { plain?: BackendRegistry; sparse?: Promise<BackendRegistry> } = {};

/** Opens a location with the plugin that serves it. */
export async function openStorage(location: string, { sparse = false, ...options }: StorageOptions): Promise<Backend> {
  const registry = sparse
    ? await (registries.sparse ??= sparseCalls().then((calls) => new BackendRegistry([fsPlugin({ sparse: calls })])))
    : (registries.plain ??= new BackendRegistry([fsPlugin()]));
  return registry.open(location, options);
}

/** The system calls for sparse files, where they can be had: an optional dependency, on 64-bit Linux. */
async function sparseCalls(): Promise<SparseCalls | undefined> {
  try {
    const { default: koffi } = await import("koffi");
    return linuxSparseCalls(koffi);
  } catch {
    // Everything works without, with files that have no holes.
    return undefined;
  }
}
