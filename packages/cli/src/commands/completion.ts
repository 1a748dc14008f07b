import { type Arguments, oneOf } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { bashCompletion } from "../completion/bash.js";
import { completableCommands } from "../completion/completable.js";
import { fishCompletion } from "../completion/fish.js";
import { zshCompletion } from "../completion/zsh.js";
import { UsageError } from "../errors.js";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** `instar completion` */
export const completionCommand: Command = defineCommand(
  {
    name: "completion",
    summary: "print a script that has a shell complete command lines",
    usage: "bash|zsh|fish",
    options: {},
    words: SHELLS,
    examples: [
      ["completion bash", 'for bash: eval "$(instar completion bash)" in ~/.bashrc; zsh alike'],
      ["completion fish", "for fish: to be kept as ~/.config/fish/completions/instar.fish"],
    ],
  },
  completion,
);

async function completion(args: Arguments, context: Context): Promise<number> {
  const [shell, ...rest] = args.positionals;
  if (shell === undefined || rest.length > 0) throw new UsageError("expecting the name of a shell");
  const script = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[oneOf("shell", shell, SHELLS)];
  await context.print(script(await completableCommands()));
  return 0;
}
