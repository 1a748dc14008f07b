import { readFileSync } from "node:fs";
import { parseSync, type Program, visitorKeys } from "oxc-parser";

/** A node of a syntax tree, as a walk over all kinds of them sees it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** A parsed file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly { readonly value: string; readonly start: number; readonly end: number }[];
  /** Line of an offset, counted from 1. */
  line(offset: number): number;
}

/** Parses a file. @throws when it is not TypeScript or JavaScript. */
export function parseFile(path: string): Source {
  const text = readFileSync(path, "utf8");
  const { program, comments, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) throw new Error(`${path}: ${error.message}`);
  return { path, text, program, comments, line: (offset) => text.slice(0, offset).split("\n").length };
}

/** All nodes below a node, in source order, each with its parent. */
export function* walk(node: unknown, parent?: SyntaxNode): Generator<{ node: SyntaxNode; parent?: SyntaxNode }> {
  if (!isNode(node)) return;
  yield parent ? { node, parent } : { node };
  for (const key of visitorKeys[node.type] ?? []) {
    const child = node[key];
    for (const each of Array.isArray(child) ? child : [child]) yield* walk(each, node);
  }
}

/** Tells a syntax node, optionally of one type. */
export function isNode(value: unknown, type?: string): value is SyntaxNode {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && (type === undefined || value.type === type);
}

/** The name of an identifier, or undefined. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node, "Identifier") && typeof node["name"] === "string" ? node["name"] : undefined;
}

/** The value of a string literal, or of a template without parts. */
export function stringOf(node: unknown): string | undefined {
  if (isNode(node, "TSLiteralType")) return stringOf(node["literal"]);
  if (isNode(node, "Literal")) return typeof node["value"] === "string" ? node["value"] : undefined;
  if (!isNode(node, "TemplateLiteral")) return undefined;
  const parts = node["quasis"] as readonly { readonly value: { readonly cooked: string | null } }[];
  return parts.length === 1 ? (parts[0]?.value.cooked ?? undefined) : undefined;
}
