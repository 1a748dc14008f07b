import type { CompletableCommand, CompletableOption } from "./completable.js";

/** A script for zsh. */
export function zshCompletion(commands: readonly CompletableCommand[]): string {
  const summaries = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n");
  return `#compdef instar
# Completion of instar for zsh: eval "$(instar completion zsh)", after compinit
_instar() {
  local -a commands
  commands=(
${summaries}
    'help:show the options of a command, with examples'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${commands.map(caseOf).join("\n")}
    help) _describe command commands ;;
  esac
}
if [[ $funcstack[1] == _instar ]]; then
  _instar "$@"
else
  compdef _instar instar
fi
`;
}

function caseOf({ name, options, words }: CompletableCommand): string {
  const rest = words.length > 0 ? `*:argument:(${words.join(" ")})` : "*:file:_files";
  const specs = [...options.flatMap(specsOf), quoted(rest)];
  return `    ${name})\n      _arguments -s \\\n${specs.map((spec) => `        ${spec}`).join(" \\\n")}\n      ;;`;
}

function specsOf({ long, short, help, values }: CompletableOption): string[] {
  const text = `[${help.replace(/[[\]:\\]/g, "\\$&")}]`;
  const action = values && values.length > 0 ? `(${values.join(" ")})` : "_files";
  const value = values === undefined ? "" : `:value:${action}`;
  const forLong = quoted(`*--${long}${values === undefined ? "" : "="}${text}${value}`);
  return short === undefined
    ? [forLong]
    : [quoted(`*-${short}${values === undefined ? "" : "+"}${text}${value}`), forLong];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
