import type { CompletableCommand } from "./completable.js";

/** A script for bash. */
export function bashCompletion(commands: readonly CompletableCommand[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# Completion of instar for bash: eval "$(instar completion bash)"
_instar() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} options= values= words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$cur"))
    return
  fi
  # "--output=json" comes in three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  case \${COMP_WORDS[1]} in
${commands.map(caseOf).join("\n")}
    help) words="${names}" ;;
  esac
  if [[ -n $values ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _instar instar
`;
}

function caseOf({ name, options, words }: CompletableCommand): string {
  const all = options.flatMap(({ long, short }) => (short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`]));
  const lines = [`options="${all.join(" ")}"`];
  if (words.length > 0) lines.push(`words="${words.join(" ")}"`);
  const choices = options.filter(({ values = [] }) => values.length > 0);
  if (choices.length > 0) {
    lines.push("case $prev in");
    for (const { long, short, values = [] } of choices) {
      lines.push(`  ${short === undefined ? "" : `-${short} | `}--${long}) values="${values.join(" ")}" ;;`);
    }
    lines.push("esac");
  }
  return `    ${name})\n${lines.map((line) => `      ${line}`).join("\n")}\n      ;;`;
}
