/** `ai-evals completion`: scripts that complete commands, words and flags, made of the table that parses them. */
import { COMMANDS } from './commands.js';
import { readFlags } from './flags.js';
import { UsageError } from './user_error.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Prints the script of a shell and resolves to the exit code. `--json` prints the table itself. */
export async function completion(args: string[]): Promise<number | 'help'> {
  const given = readFlags(args, { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } });
  if (given.on('help')) return 'help';
  const [shell, ...more] = given.positionals;
  if (given.on('json') && shell === undefined) {
    process.stdout.write(`${JSON.stringify(Object.fromEntries(table().map(({ name, ...rest }) => [name, rest])))}\n`);
    return 0;
  }
  if (more.length > 0 || !(SHELLS as readonly string[]).includes(shell ?? '')) {
    throw new UsageError(`completion takes one of ${SHELLS.join(', ')}, got ${JSON.stringify(more[0] ?? shell ?? '')}`);
  }
  const text = { bash, zsh, fish }[shell as (typeof SHELLS)[number]]();
  process.stdout.write(given.on('json') ? `${JSON.stringify({ shell, script: text })}\n` : text);
  return 0;
}

interface Entry {
  name: string;
  summary: string;
  verbs: readonly string[];
  flags: { name: string; short: string | undefined; takesValue: boolean }[];
}

function table(): Entry[] {
  return Object.entries(COMMANDS).map(([name, { summary, verbs = [], flags }]) => ({
    name,
    summary,
    verbs,
    flags: Object.entries(flags).map(([flag, { type, short }]) => ({
      name: flag,
      short,
      takesValue: type === 'string',
    })),
  }));
}

/** The flags of a command as they are typed. */
function spelt({ flags }: Entry): string {
  return flags.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]).join(' ');
}

function bash(): string {
  const cases = table().map(
    (entry) => `    ${entry.name}) verbs='${entry.verbs.join(' ')}' flags='${spelt(entry)}' ;;`,
  );
  return `# bash completion of ai-evals; load it with: source <(ai-evals completion bash)
_ai_evals() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verbs='' flags=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${Object.keys(COMMANDS).join(' ')} --help --version' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "\${current#-}" != "$current" ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$verbs" -- "$current") $(compgen -f -- "$current"))
  fi
}
complete -o filenames -o bashdefault -F _ai_evals ai-evals
`;
}

function zsh(): string {
  const quoted = (text: string) => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
  const names = table().map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = table().map(
    (entry) => `    ${entry.name}) verbs=(${entry.verbs.join(' ')}) flags=(${spelt(entry)}) ;;`,
  );
  return `#compdef ai-evals
# zsh completion of ai-evals; load it with: source <(ai-evals completion zsh)
_ai_evals() {
  local -a commands verbs flags
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  case "\${words[2]}" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    compadd -- $flags
  else
    compadd -- $verbs
    _files
  fi
}
if [ "\${funcstack[1]}" = "_ai_evals" ]; then
  _ai_evals "$@"
else
  compdef _ai_evals ai-evals
fi
`;
}

function fish(): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = table().flatMap(({ name, summary, verbs, flags }) => {
    const inside = `complete -c ai-evals -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c ai-evals -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
      ...(verbs.length === 0 ? [] : [`${inside} -a ${quoted(verbs.join(' '))}`]),
      ...flags.map(({ name: flag, short, takesValue }) => {
        const letter = short === undefined ? '' : ` -s ${short}`;
        return `${inside} -l ${flag}${letter}${takesValue ? ' -r' : ''}`;
      }),
    ];
  });
  return `# fish completion of ai-evals; load it with: ai-evals completion fish | source\n${lines.join('\n')}\n`;
}
