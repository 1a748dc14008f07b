import { relative, resolve } from "node:path";
import { parseFile } from "./lib/source.ts";
import { readWorkspace, sourceFiles } from "./lib/workspace.ts";

const most = 300;
const many = 250;

/** A source file has at most 300 lines (a word of warning from 250 on), and an `index.ts` only re-exports. */
export function checkFiles(root: string, warn: (message: string) => void = console.warn): string[] {
  const folders = [...readWorkspace(root).map((pkg) => resolve(pkg.dir, "src")), resolve(root, "tools")];
  const faults: string[] = [];
  for (const file of folders.flatMap((folder) => sourceFiles(folder))) {
    const where = relative(root, file);
    const source = parseFile(file);
    const lines = source.text.trimEnd().split("\n").length;
    if (lines > most) faults.push(`${where}: ${lines} lines; at most ${most}`);
    else if (lines > many) warn(`warning: ${where}: ${lines} lines; better at most ${many}`);
    if (!where.endsWith("/src/index.ts")) continue;
    for (const statement of source.program.body) {
      const { type } = statement;
      const reexports = type === "ExportAllDeclaration" || (type === "ExportNamedDeclaration" && statement.source);
      if (!reexports) faults.push(`${where}:${source.line(statement.start)}: an index.ts only re-exports`);
    }
  }
  return faults;
}
