import { builtinModules } from "node:module";
import { relative, resolve } from "node:path";
import { importsOf } from "./lib/imports.ts";
import { isNode, nameOf, parseFile, type Source, type SyntaxNode, walk } from "./lib/source.ts";
import { type Package, publicPackages, sourceFiles, type Target } from "./lib/workspace.ts";
import { impure, portable } from "./layers.ts";

/**
 * Nothing below the command line reads arguments, the environment or the clock of the wall, or prints. What only Node
 * has stands, in portable packages, in files behind the `node` condition of an entry of `imports` or `exports`, which
 * nothing imports by path.
 */
export function checkPurity(root: string): string[] {
  const faults: string[] = [];
  for (const pkg of publicPackages(root)) {
    const nodeOnly = portable.includes(pkg.short) ? nodeFiles(pkg) : undefined;
    for (const file of sourceFiles(resolve(pkg.dir, "src"))) {
      const source = parseFile(file);
      const found = impure.includes(pkg.short) ? [] : impurities(source);
      if (nodeOnly) found.push(...nodeImports(source, nodeOnly));
      const where = `${pkg.path}/${relative(pkg.dir, file)}`;
      faults.push(...found.map(({ line, fault }) => `${where}:${line}: ${fault}`));
    }
  }
  return faults;
}

interface Finding {
  readonly line: number;
  readonly fault: string;
}

const processFields = new Set(["argv", "argv0", "execArgv", "env", "stdin", "stdout", "stderr", "exit", "exitCode"]);

function impurities(source: Source): Finding[] {
  const found: Finding[] = [];
  for (const { node, parent } of walk(source.program)) {
    const fault = impurityOf(node, parent);
    if (fault) found.push({ line: source.line(node.start), fault });
  }
  return found;
}

function impurityOf(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  switch (node.type) {
    case "MemberExpression":
      return impureMember(node);
    case "VariableDeclarator":
      if (!isNode(node["id"], "ObjectPattern")) return undefined;
      return isGlobal(node["init"], "process") ? "takes fields of process apart" : undefined;
    case "NewExpression":
    case "CallExpression":
      if (!isGlobal(node["callee"], "Date") || !isEmpty(node["arguments"])) return undefined;
      return "reads the clock of the wall (Date)";
    case "ImportSpecifier":
      return impureSpecifier(node["imported"], parent);
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
      if (!isProcessModule(parent) || nameOf(node["local"]) === "process") return undefined;
      return "imports node:process under another name";
    default:
      return undefined;
  }
}

function impureMember(node: SyntaxNode): string | undefined {
  const field = nameOf(node["property"]) ?? "";
  if (isGlobal(node["object"], "process") && processFields.has(field)) return `uses process.${field}`;
  if (isGlobal(node["object"], "console")) return `prints (console.${field})`;
  if (isGlobal(node["object"], "Date") && field === "now") return "reads the clock of the wall (Date.now)";
  return undefined;
}

function impureSpecifier(imported: unknown, declaration: SyntaxNode | undefined): string | undefined {
  const field = nameOf(imported) ?? "";
  return isProcessModule(declaration) && processFields.has(field) ? `uses process.${field}` : undefined;
}

function isProcessModule(declaration: SyntaxNode | undefined): boolean {
  const source = declaration?.["source"];
  if (!isNode(source, "Literal")) return false;
  return source["value"] === "node:process" || source["value"] === "process";
}

/** Whether an expression is a global of this name, written bare or as a field of `globalThis`. */
function isGlobal(node: unknown, name: string): boolean {
  if (nameOf(node) === name) return true;
  if (!isNode(node, "MemberExpression") || nameOf(node["object"]) !== "globalThis") return false;
  return nameOf(node["property"]) === name;
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

function nodeImports(source: Source, nodeOnly: ReadonlySet<string>): Finding[] {
  const found: Finding[] = [];
  for (const { specifier, line } of importsOf(source)) {
    if (specifier === undefined) continue;
    if (isBuiltin(specifier) && !nodeOnly.has(source.path)) {
      found.push({ line, fault: `imports ${specifier} outside of the files behind a "node" condition of imports` });
    }
    const target = resolve(source.path, "..", specifier.replace(/\.js$/, ".ts"));
    if (specifier.startsWith(".") && nodeOnly.has(target) && !nodeOnly.has(source.path)) {
      found.push({ line, fault: `imports ${specifier} by path; it stands behind a condition of imports` });
    }
  }
  return found;
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** Sources that only Node loads: what `imports` and `exports` name under a `node` condition. */
function nodeFiles(pkg: Package): ReadonlySet<string> {
  const files = new Set<string>();
  const { imports = {}, exports = {} } = pkg.manifest;
  for (const target of [...Object.values(imports), ...Object.values(exports)]) collect(target, false);
  return files;

  function collect(target: Target, behindNode: boolean): void {
    if (typeof target !== "string") {
      for (const [condition, inner] of Object.entries(target)) collect(inner, behindNode || condition === "node");
    } else if (behindNode) {
      const source = target.replace(/^\.\/dist\//, "src/").replace(/(?:\.d)?\.[jt]s$/, ".ts");
      files.add(resolve(pkg.dir, source));
    }
  }
}
