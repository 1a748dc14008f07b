import type { Backend } from "@instar/backend";

import type { Random } from "../random.ts";
import type { Abilities } from "../storage/recorded-file.ts";
import type { Ledger } from "./ledger.ts";
import type { Operation } from "./operations.ts";

/** A kind of disk over files that lose power, and how it is made, used and examined. */
export interface Scene<Disk extends Backend = Backend> {
  readonly title: string;
  /** Sectors that are written to. */
  readonly sectors: number;
  /** Guest bytes between two groups of sectors, which spreads them over the tables. */
  readonly gap: number;
  /** Sectors that the disk has at first. */
  readonly firstSize: number;
  /** Bytes of the disk behind the sectors. */
  readonly filler: number;
  /** Sectors that hold the value 1 at first. */
  readonly backed: number;
  /** How many files the disk is made of. */
  readonly files: number;
  readonly abilities: Abilities;
  /** How many moments of a history are cut, roughly, where opening takes long. */
  readonly moments?: number;
  /** Whether a cut between a new size and its sync may leave any size, as with a plain file. */
  readonly growsByWrites?: boolean;
  readonly operations: readonly Operation<Disk>[];
  create(files: readonly Backend[], random: Random): Promise<Disk>;
  /** Opens what is left after a power cut. */
  reopen(files: readonly Backend[]): Promise<Disk>;
  /** A finding where the disk, with nothing under way, is not sound. Leaks are allowed after a power cut. */
  examine(disk: Disk, leaksAllowed: boolean): Promise<void>;
  /** Gives back what a power cut has left lost; nothing else may change. */
  mend?(disk: Disk, random: Random): Promise<void>;
  /** Looks after a power cut at what there is beside the sectors. */
  verify?(disk: Disk, ledger: Ledger): Promise<void>;
  /** The file in which QEMU can check the disk, if it can. */
  readonly forQemu?: number;
}

/** Sectors that lie side by side; between two groups there may be a gap. */
const GROUP = 100;

/** Where a sector is on the disk. */
export function offsetOf(scene: { readonly gap: number }, sector: number): number {
  return sector * 512 + Math.floor(sector / GROUP) * scene.gap;
}

/** The sector behind the last one of a row without gaps that begins at `sector`. */
export function rowEnd(scene: { readonly gap: number; readonly sectors: number }, sector: number): number {
  return scene.gap === 0 ? scene.sectors : Math.min(scene.sectors, (Math.floor(sector / GROUP) + 1) * GROUP);
}
