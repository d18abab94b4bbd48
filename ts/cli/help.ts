/** Texts of `--help`; no line is longer than 80 columns. */

export const HELP = `Usage: ai-evals <command>

  ai-evals init [DIRECTORY]        make a configuration and a first dataset
  ai-evals run [DATASET] [flags]   run an evaluation (see ai-evals run --help)
  ai-evals compare A B             say what changed between two runs
  ai-evals report RUN|FILE         write a report of a run
  ai-evals runs                    list the runs that are kept
  ai-evals show RUN                show a run and its failed cases
  ai-evals export RUN FILE         write the results of a run to a file
  ai-evals delete RUN…             delete runs
  ai-evals baseline [set NAME RUN] list baselines, or set one
  ai-evals store check             check the store of runs
  ai-evals dataset list            list datasets; also show, validate, create
  ai-evals config validate         check a configuration; also init, show
  ai-evals serve [flags]           run the local model server alone
  ai-evals completion SHELL        print the completion of bash, zsh or fish
  ai-evals --help, --version
`;

export const STORE_HELP = `Usage: ai-evals runs [--dataset ID] [--model ID] [--status S] [--limit N]
       ai-evals show RUN [--failures N] [--json]
       ai-evals export RUN FILE [--format jsonl|csv] [--json]
       ai-evals delete RUN...
       ai-evals baseline [list] [--json]
       ai-evals baseline set NAME RUN [--description TEXT] [--tag TAG]...
       ai-evals store check [--json]

Commands on the store of runs, where ai-evals run keeps every run. RUN is the id
of a run, or last: the newest one.

  --store URL       sqlite:PATH, a path, or postgres://USER@HOST/DATABASE
                    (default .ai-evals/runs.db, or $AI_EVALS_STORE)
  --limit N         at most N runs (default 20), the newest first
  --failures N      show the first N failed cases (default 5)
  --json            a line of JSON for each item, in place of text

store check changes nothing: it says whether the tables are as they should be.

Exit codes: 0 done, 2 bad usage, or no such store or run.
`;

export const COMPARE_HELP = `Usage: ai-evals compare A B [--store URL] [--json [FILE]] [--show N]
       ai-evals compare --models NAME,NAME… [--dataset NAMES] [flags of run]

Compares the results of two runs, case by case. A and B are files (of ai-evals
run --json FILE), or runs of the store: an id, or last for the newest one. Told
are the cases that are fixed and broken, McNemar's p, and the difference of the
pass rates and of each scorer's means (B less A) with its 95 % interval.

With --models (-m) the models are run first, and each is compared with the
first of them; the flags are those of ai-evals run.

  --store URL       default .ai-evals/runs.db, or $AI_EVALS_STORE
  --json [FILE]     also write the comparison as JSON; without FILE to stdout,
                    in place of the text
  --metric NAME     only this scorer, or passed: the verdicts alone
  --show N          show the first N ids of each kind (default 10)

Exit codes: 0 compared, 2 bad usage, or a file that cannot be read; with
--models those of ai-evals run.
`;

export const SERVE_HELP = `Usage: ai-evals serve [--port N] [--latency FACTOR] [--json]

Runs the local model server, OpenAI-compatible, on 127.0.0.1 until Ctrl-C:
POST /v1/chat/completions and GET /v1/models.

  --port N          port to listen on (default: any free one)
  --latency FACTOR  factor on the time answers take (default 1; 0: at once)
  --json            print the address as JSON
`;

export const INIT_HELP = `Usage: ai-evals init [DIRECTORY] [--format FORMAT] [--force] [--json]

Makes a commented configuration and a first dataset, which run as they are:
ai-evals run. Nothing that is there is written over.

  -f, --format FORMAT  ts (default), mts, js, mjs, yaml, yml or json
  --force              write over files of an earlier init
  --json               print the names of the files as JSON

Exit codes: 0 done, 2 bad usage, or a file is there already.
`;

export const CONFIG_HELP = `Usage: ai-evals config init [DIRECTORY] [--format FORMAT] [--force] [--json]
       ai-evals config validate [FILE] [--json]
       ai-evals config show [FILE] [--json]

Makes a configuration, checks one, or shows the settings that a run takes from
it, defaults included. FILE is ai-evals.config.* of this directory by default.

  -c, --config FILE    the same as FILE
  -f, --format FORMAT  ts (default), mts, js, mjs, yaml, yml or json
  --force              write over the file of an earlier init
  --json               print JSON, on one line

Exit codes: 0 done, 2 no configuration, or a mistake in it: the message names
file, line and key.
`;

export const DATASET_HELP = `Usage: ai-evals dataset list [DIRECTORY] [--json]
       ai-evals dataset show NAME [--limit N] [--json]
       ai-evals dataset validate [NAME…] [--json]
       ai-evals dataset create NAME [--name TEXT] [--description TEXT] [--force]

NAME is the path of a file, or an id that dataset list prints.

  list                 datasets of the configuration, the folder datasets and
                       the package, or those of a directory
  show                 the number of cases by category, and the first cases
  validate             check every case; without NAME those of the configuration
  create               make a file with an example to be replaced: JSON lines,
                       or for a name with .json the form with name and version
  -c, --config FILE    another configuration
  --limit N            the first N cases (default 3)
  --json               a line of JSON for each item, in place of text

Exit codes: 0 done, 2 no such dataset, or a mistake in one: each is told with
file, line and field.
`;

export const REPORT_HELP = `Usage: ai-evals report RUN|FILE|--latest [-f FORMAT] [-o FILE]

Writes a report. RUN is the id of a run, or last; FILE is a report that
ai-evals run --format json --output FILE wrote.

  -r, --run-id RUN         a run of the store
  -l, --latest             the newest runs: all that their command made
  --input FILE             a report
  -f, --format FORMAT      json, markdown (default), html, csv, junit or github
  -o, --output FILE        where it goes (default: stdout)
  --include-failures       add every result, with the answer
  --include-metrics        add the figures behind each verdict
  --compare-baseline NAME  compare the run with a baseline of the store
  --store URL              default .ai-evals/runs.db, or $AI_EVALS_STORE
  --json                   the same as --format json

Exit codes: 0 done, 2 bad usage, or no such run, file or baseline.
`;

export const COMPLETION_HELP = `Usage: ai-evals completion bash|zsh|fish

Prints a script that completes commands and flags.

  source <(ai-evals completion bash)      in ~/.bashrc
  source <(ai-evals completion zsh)       in ~/.zshrc, behind compinit
  ai-evals completion fish | source       in ~/.config/fish/config.fish

  --json    the table of commands and flags as JSON

Exit codes: 0 done, 2 no such shell.
`;

export const RUN_HELP = `Usage: ai-evals run [DATASET] [flags]

Asks models every case of datasets, scores the answers and prints a summary.
DATASET is a JSONL, JSON, CSV or Parquet file, also compressed, a pipe, or - for
standard input (default: the dataset of 600 cases that ships with the package).

A configuration gives the settings that no flag gives. It is the file
ai-evals.config.ts (.mts, .js, .mjs, .yaml, .yml, .json) of the directory.
  -c, --config FILE      another one
  --no-config            none
  -d, --dataset NAMES    datasets by path or id, with commas or several times
  -m, --model NAMES      models, with commas or several times: a run for each;
                         default gpt-4o-mini, or the local model
  --repeat N             answers to each case (default 1), for consistency
  --only-failed RUN      only cases that RUN (an id, last, a file of --json) did
                         not pass
  --dry-run              tell cases, tokens, cost and time; call nothing
  --watch                run again whenever a dataset or the configuration
                         changes
  -i, --interactive      show the plan and ask before anything is called

The model: with OPENAI_API_KEY or OPENAI_BASE_URL set, that provider's
POST /chat/completions (default https://api.openai.com/v1); otherwise a small
local model server that this command starts, free and always the same.

Where things are (dotted paths, also into arrays: choices.0.text)
  --id-field PATH        default id; a case without one is named by its number
  --input-field PATH     the prompt, or a list of chat messages (default input)
  --expected-field PATH  what a right answer is (default expected)
  --category-field PATH  default metadata.category, else category
  --actual-field PATH    score these recorded answers; no model is called

Scoring
  --scorer NAME          exact: the same text but for surrounding white space
                         numeric: the same final number (what is in \\boxed{},
                         '#### 18', 'A: 18', 'the answer is 18', else the last
                         number of the text); what is expected has to be one
                         json: the same JSON value, wherever it stands
                         auto (default): numeric for plain decimal numbers,
                         exact for other text, json for everything else
                         or a scorer of @aah/ai-evals/scorers with options:
                         rouge:type=rougeL,stemmer  pattern:source=REGEX
                         precisionAtK:k=5  jsonSchema:file=schema.json
                         llmJudge:rubric=TEXT or rubric=@FILE (asks the model)
                         'NAME:{JSON}' where values hold commas; several times:
                         a case passes when every scorer passes it
  --threshold N          least score that passes, 0-1 (default: its own)
  --tolerance N          numeric: how far apart the numbers may be (default 0)
  --judge MODEL          the model of llmJudge (default: the one that answers)
  --min-pass-rate SHARE  exit with 1 when less than this passes (0.9 is 90 %)
  --allow-errors [N]     cases that may end without an answer or verdict before
                         the exit code is 3 (default 0; without N: any number)
  -b, --baseline NAME    compare each run with a baseline (ai-evals baseline)
  --fail-on SEVERITY     exit with 1 for a regression of this severity or worse:
                         critical, major or minor

The model and its limits
  --system TEXT          a system message before every prompt
  --temperature N        sent only when given
  --max-tokens N         upper bound of an answer, sent only when given
  --timeout SECONDS      per attempt (default 60; with a configuration 30)
  --retries N            further attempts after 429s, 5xx, timeouts (default 4;
                         with a configuration 3)
  --concurrency N        calls in flight, of all models (default 10; with a
                         configuration 5)
  --parallel             as many as --concurrency, whatever is configured
  --no-parallel          one call at a time
  --rpm N, --tpm N       requests and tokens in any 60 s (default 500 and
                         150000; for the local model 1800 and 400000)
  --local                the local model, whatever the environment says
  --price-in USD, --price-out USD
                         per million tokens, for models not in our price list

Answers are kept between runs: an input that was asked before, of the same
model with the same settings, is not asked again for 14 days.
  --cache-file FILE      default .ai-evals/answers.db, or $AI_EVALS_CACHE_FILE
  --no-cache             ask everything, keep nothing
  --record               ask everything, and keep the new answers
  --replay               ask nothing: a case without a kept answer is an error

Every run is kept in a store, result by result (ai-evals runs, show, compare).
  --store URL            sqlite:PATH, a path, or postgres://USER@HOST/DATABASE
                         (default .ai-evals/runs.db, or $AI_EVALS_STORE)
  --no-store             do not keep the run
  --resume RUN           go on with a run that was ended early: its id, or last;
                         only cases without a stored verdict are run
  --retry-errors RUN     ask the cases of a finished run that ended in an error
                         once more, and store them in it
  --force                resume it also with other settings, or while another
                         process holds it

Output
  --limit N              only the first N cases
  --show-failures N      show the first N failed cases (default 5)
  --json [FILE]          also write the summary and every result as JSON;
                         without FILE to stdout, and the text to stderr
  --json-lines FILE      also write every result as it comes, a line each
  -o, --output FILE      write a report to FILE
  -f, --format FORMAT    its form: table, json, markdown, html, csv, junit or
                         github (default by the name of FILE; without FILE to
                         stdout in place of the summary)
  -v, --verbose          tell the verdict on every case as it comes
  -h, --help, --version

Exit codes: 0 done, 1 below --min-pass-rate or a regression of --fail-on, 2 bad
usage or input (also an unknown dataset, run, baseline or key), 3 cases without
an answer or verdict beyond --allow-errors, 130 stopped by Ctrl-C (what
was finished is printed and written; a second one ends it at once), 70 when
ai-evals itself fails. A failed call is counted as an error and does not stop
the run, unless the first 10 all fail for a wrong key or address.
`;
