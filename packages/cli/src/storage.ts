import { type Backend, BackendRegistry, type OpenOptions } from "@instar/backend";
import { fsPlugin, type Koffi, linuxSparseCalls, type SparseCalls } from "@instar/backend-fs";

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

/** The system calls for sparse files, where they can be had. */
async function sparseCalls(): Promise<SparseCalls | undefined> {
  // Not a dependency: without it everything works, with files that have no holes.
  const name: string = "koffi";
  try {
    const module: unknown = await import(name);
    return linuxSparseCalls(koffiOf(module));
  } catch {
    return undefined;
  }
}

function koffiOf(module: unknown): Koffi {
  if (typeof module === "object" && module !== null && "default" in module && isKoffi(module.default)) {
    return module.default;
  }
  throw new Error("another package is called koffi");
}

function isKoffi(value: unknown): value is Koffi {
  return typeof value === "object" && value !== null && "load" in value && "errno" in value;
}
