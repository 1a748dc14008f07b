/** One example of a README. */
export interface Example {
  readonly language: "ts" | "js" | "sh";
  readonly code: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  /** A program it cannot do without, from `<!-- example: needs NAME -->`. */
  readonly needs: string | undefined;
}

/**
 * The fenced blocks that follow a line `<!-- example -->`, with nothing but empty lines between.
 *
 * @throws when a marker stands before something else.
 */
export function examplesIn(markdown: string): Example[] {
  const lines = markdown.split("\n");
  const examples: Example[] = [];
  for (const [index, text] of lines.entries()) {
    const marker = /^<!-- example(?:: needs ([\w-]+))? -->$/.exec(text.trim());
    if (!marker) continue;
    let line = index + 1;
    while (lines[line]?.trim() === "") line++;
    const language = /^```(ts|js|sh)$/.exec(lines[line] ?? "")?.[1];
    const end = lines.indexOf("```", line + 1);
    if (!isLanguage(language) || end < 0)
      throw new Error(`line ${index + 1}: no block of ts, js or sh follows the marker`);
    examples.push({ language, code: `${lines.slice(line + 1, end).join("\n")}\n`, line: line + 1, needs: marker[1] });
  }
  return examples;
}

function isLanguage(text: string | undefined): text is Example["language"] {
  return text === "ts" || text === "js" || text === "sh";
}
