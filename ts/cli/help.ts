/** Texts of `--help`; no line is longer than 80 columns. */

export const HELP = `Usage: ai-evals <command>

  ai-evals run [DATASET] [flags]   run an evaluation (see ai-evals run --help)
  ai-evals compare A B             say what changed between two runs
  ai-evals runs                    list the runs that are kept
  ai-evals show RUN                show a run and its failed cases
  ai-evals export RUN FILE         write the results of a run to a file
  ai-evals delete RUN…             delete runs
  ai-evals baseline [set NAME RUN] list baselines, or set one
  ai-evals store check             check the store of runs
  ai-evals serve [flags]           run the local model server alone
  ai-evals --help, --version
`;

export const STORE_HELP = `Usage: ai-evals runs [--dataset ID] [--model ID] [--status S] [--limit N]
       ai-evals show RUN [--failures N] [--json]
       ai-evals export RUN FILE [--format jsonl|csv]
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
  --json            a line of JSON for each item (runs, show, baseline, check)

store check changes nothing: it says whether the tables are as they should be.

Exit codes: 0 done, 2 bad usage, or no such store or run.
`;

export const COMPARE_HELP = `Usage: ai-evals compare A B [--store URL] [--json FILE] [--show N]

Compares the results of two runs, case by case. A and B are files (of ai-evals
run --json FILE), or runs of the store: an id, or last for the newest one. Told
are the cases that are fixed and broken, McNemar's p, and the difference of the
pass rates and of each scorer's means (B less A) with its 95 % interval.

  --store URL       default .ai-evals/runs.db, or $AI_EVALS_STORE
  --json FILE       also write the comparison as JSON
  --show N          show the first N ids of each kind (default 10)

Exit codes: 0 compared, 2 bad usage, or a file that cannot be read.
`;

export const SERVE_HELP = `Usage: ai-evals serve [--port N] [--latency FACTOR]

Runs the local model server, OpenAI-compatible, on 127.0.0.1 until Ctrl-C:
POST /v1/chat/completions and GET /v1/models.

  --port N          port to listen on (default: any free one)
  --latency FACTOR  factor on the time answers take (default 1; 0: at once)
`;

export const RUN_HELP = `Usage: ai-evals run [DATASET] [flags]

Asks a model every case of a dataset, scores the answers and prints a summary.
DATASET is a JSONL, JSON, CSV or Parquet file, also compressed, a pipe, or - for
standard input (default: the dataset of 600 cases that ships with the package).

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
  --min-pass-rate SHARE  exit with 1 when less than this passes (0.9 is 90 %)
  --allow-errors [N]     cases that may end without an answer or verdict before
                         the exit code is 3 (default 0; without N: any number)

The model and its limits
  --model NAME           default gpt-4o-mini, or the local model
  --system TEXT          a system message before every prompt
  --temperature N        sent only when given
  --max-tokens N         upper bound of an answer, sent only when given
  --timeout SECONDS      per attempt (default 60)
  --retries N            further attempts after 429s, 5xx, timeouts (default 4)
  --concurrency N        calls in flight (default 10)
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
  --force                resume it also with other settings, or while another
                         process holds it

Output
  --limit N              only the first N cases
  --show-failures N      show the first N failed cases (default 5)
  --json FILE            also write the summary and every result as JSON
  --json-lines FILE      also write every result as it comes, a line each
  --help, --version

Exit codes: 0 done, 1 below --min-pass-rate, 2 bad usage or input, 3 cases
without an answer or verdict beyond --allow-errors, 130 stopped by Ctrl-C (what
was finished is printed and written; a second one ends it at once), 70 when
ai-evals itself fails. A failed call is counted as an error and does not stop
the run, unless the first 10 all fail for a wrong key or address.
`;
