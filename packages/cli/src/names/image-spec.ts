import type { Format } from "../format-names.js";

/** Where bytes are. */
export type StorageSpec =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "url";
      readonly url: string;
      /** What else a `json:` name or options say of it, by the names that QEMU has. */
      readonly options: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: "part";
      /** Of which it is a part. */
      readonly whole: StorageSpec;
      /** Bytes. */
      readonly offset: number;
      /** Bytes; up to the end where absent. */
      readonly size: number | undefined;
    };

/** What to open, as a name describes it. */
export interface ImageSpec {
  readonly storage: StorageSpec;
  /** Its format; probed by content where absent. */
  readonly format?: Format | undefined;
  /** What stands below it instead of what it names; `null`: nothing. */
  readonly backing?: ImageSpec | null | undefined;
  /** What holds the guest's data instead of what it names. */
  readonly dataFile?: StorageSpec | undefined;
  /** The ID of the secret that opens it. */
  readonly keySecret?: string | undefined;
  /** Bytes of caches of a qcow2 image. */
  readonly caches?: { readonly l2Bytes?: number; readonly refcountBytes?: number } | undefined;
  /** Not to be written to. */
  readonly readOnly?: boolean | undefined;
  /** Not to take or respect the lock against a second writer. */
  readonly share?: boolean | undefined;
}

/** Where the file is, if it is a local one, or a part of one. */
export function localPathOf(storage: StorageSpec): string | undefined {
  if (storage.kind === "part") return localPathOf(storage.whole);
  return storage.kind === "file" ? storage.path : undefined;
}
