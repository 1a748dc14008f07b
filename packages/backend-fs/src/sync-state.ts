import { type FileHandle } from "node:fs/promises";

import { errnoOf } from "./fs-error.js";

/** What the next sync of one open file has to do beyond fdatasync. */
export class SyncState {
  readonly #file: FileHandle;
  #directory: FileHandle | undefined;
  #changes = 0;
  // Of what was done before it was opened nothing is known, so the first sync is a full one.
  #syncedChanges = -1;

  /** `directory` is open when the file's name in it is new: the name becomes durable with the first sync. */
  constructor(file: FileHandle, directory: FileHandle | undefined) {
    this.#file = file;
    this.#directory = directory;
  }

  /** The size has changed, or where the bytes are stored. */
  inodeChanged(): void {
    this.#changes++;
  }

  /**
   * Makes durable what was written.
   *
   * Each call reports its own outcome. After a failure the kernel may have dropped the pages it could not write and
   * marked them clean, so that a later sync can succeed without them: whoever retries must write again what was written
   * since the last sync that succeeded, as the caches above do. To fail forever would forbid just that.
   */
  async sync(): Promise<void> {
    const changes = this.#changes;
    if (changes === this.#syncedChanges) {
      await this.#file.datasync();
    } else {
      await this.#file.sync();
      // A sync that began later may have ended sooner.
      this.#syncedChanges = Math.max(this.#syncedChanges, changes);
    }
    const directory = this.#directory;
    if (!directory) return;
    await syncDirectory(directory);
    if (this.#directory !== directory) return;
    this.#directory = undefined;
    await directory.close();
  }

  /** Frees the directory; the file is its owner's to close. */
  async close(): Promise<void> {
    const directory = this.#directory;
    this.#directory = undefined;
    await directory?.close();
  }
}

/** Some file systems (of network and user-space kind) have no fsync for directories and keep names safe their own way. */
async function syncDirectory(directory: FileHandle): Promise<void> {
  try {
    await directory.sync();
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(error))) throw error;
  }
}
