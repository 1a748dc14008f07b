import type { Backend } from "@instar/backend";

import { isNil, MIB, readView } from "./bytes.js";
import { ruleError } from "./rule-error.js";
import type { Header } from "./header.js";
import { LogBytes, type LogEntry } from "./log-entry.js";
import { PAGE, PatchedFile } from "./patched-file.js";

/** Longest log that is replayed, in bytes: it is held in memory. Windows and QEMU make logs of 1 MiB. */
const MAX_LOG = 32 * MIB;

/**
 * The file as it is once its log has been written out: the file itself where the log is empty, else a view of it with
 * what the log changes over it. Nothing is written.
 *
 * @throws {@link ImageError} `ERR_TRUNCATED` where the file is shorter than when the log was made, or ends before the log;
 *   `ERR_UNSUPPORTED_FEATURE` for a log that is too large; `ERR_CORRUPT` for one that is contradictory
 */
export async function replayLog(file: Backend, header: Header, signal: AbortSignal | undefined): Promise<Backend> {
  const { logGuid, logOffset, logLength } = header;
  if (isNil(logGuid) || logLength === 0) return file;
  if (logLength > MAX_LOG) {
    throw ruleError(
      "ERR_UNSUPPORTED_FEATURE",
      file.name,
      "LogLength",
      logLength,
      `be ${MAX_LOG} at most to be replayed`,
    );
  }
  const view = await readView(file, "log", logOffset, logLength, signal);
  const log = new LogBytes(file.name, new Uint8Array(view.buffer), logGuid);
  const active = activeSequence(log);
  const head = active.at(-1);
  if (!head) return file;
  if (head.flushedFileOffset > file.size) {
    const rule = `be ${head.flushedFileOffset} at least, which it was when the log was made`;
    throw ruleError("ERR_TRUNCATED", file.name, "size of the file", file.size, rule);
  }
  const patched = new PatchedFile(file);
  if (Number.isSafeInteger(head.lastFileOffset)) patched.growTo(head.lastFileOffset);
  for (const entry of active) {
    for (const change of log.changes(entry)) {
      if (change.kind === "zero") patched.zero(change.offset, change.length);
      else patched.put(change.page, change.offset);
    }
  }
  return patched;
}

/**
 * The entries that count: of all runs of entries whose sequence numbers follow each other, the one with the greatest
 * number, from the entry on that its last one calls the tail.
 */
function activeSequence(log: LogBytes): readonly LogEntry[] {
  let active: readonly LogEntry[] = [];
  for (let start = 0; start < log.length;) {
    const run = runFrom(log, start);
    const head = run.at(-1);
    if (!head) {
      start += PAGE;
      continue;
    }
    const tail = run.findIndex(({ position }) => position === head.tail);
    if (tail >= 0 && head.sequence > (active.at(-1)?.sequence ?? 0n)) active = run.slice(tail);
    // Whatever begins within the run ends like it. One that goes on at the beginning has seen all of the log.
    start = head.position < start ? log.length : head.position + head.length;
  }
  return active;
}

/** Entries one behind the other, over the end of the log where they go on there. */
function runFrom(log: LogBytes, start: number): readonly LogEntry[] {
  const run: LogEntry[] = [];
  let length = 0;
  for (;;) {
    const entry = log.entryAt((start + length) % log.length);
    const last = run.at(-1);
    if (!entry || (last && entry.sequence !== last.sequence + 1n) || length + entry.length > log.length) return run;
    run.push(entry);
    length += entry.length;
    if (length === log.length) return run;
  }
}
