import { isNode, nameOf, type Source, stringOf, type SyntaxNode, walk } from "./source.ts";

/** One place where a file names a module. */
export interface Import {
  /** What is named; undefined where the name is computed. */
  readonly specifier: string | undefined;
  readonly line: number;
}

/**
 * Every module a file names: import and export declarations, dynamic imports, `import("x").T` types, `import x =
 * require("x")`, `require`, `import.meta.resolve`, augmentations (`declare module "x"`) and triple-slash references (but for types of unscoped
 * packages, which come from `@types`).
 */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  for (const { node } of walk(source.program)) {
    const named = moduleNamedBy(node);
    if (named !== undefined) found.push({ specifier: stringOf(named), line: source.line(node.start) });
  }
  for (const comment of source.comments) {
    const match = /^\/\s*<reference\s+(?:path|types(?=\s*=\s*["']@))\s*=\s*["']([^"']+)["']/.exec(comment.value);
    if (match) found.push({ specifier: match[1], line: source.line(comment.start) });
  }
  return found;
}

function moduleNamedBy(node: SyntaxNode): unknown {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return node["source"];
    case "ExportNamedDeclaration":
      return node["source"] ?? undefined;
    case "TSExternalModuleReference":
      return node["expression"];
    case "TSModuleDeclaration":
      return isNode(node["id"], "Literal") ? node["id"] : undefined;
    case "CallExpression":
      return isResolving(node["callee"]) ? (node["arguments"] as readonly unknown[])[0] : undefined;
    default:
      return undefined;
  }
}

function isResolving(callee: unknown): boolean {
  if (nameOf(callee) === "require") return true;
  if (!isNode(callee, "MemberExpression") || nameOf(callee["property"]) !== "resolve") return false;
  return nameOf(callee["object"]) === "require" || isNode(callee["object"], "MetaProperty");
}
