import { importsOf } from './imports.js';
import { firstSyntaxError, nameOf, nodesOf, type PythonSource, placeOf, textOf } from './python-source.js';

/** Something outside the sources that decides what a scene looks like, and where the source asks for it. */
export interface OutsideUse {
  /** For people: "the clock (datetime.now)". */
  readonly what: string;
  readonly line: number;
}

/** Last names of calls and attributes that give another value at each run. The driver seeds random generators itself. */
const VARYING: Readonly<Record<string, string>> = {
  now: 'the clock',
  utcnow: 'the clock',
  today: 'the clock',
  time_ns: 'the clock',
  localtime: 'the clock',
  gmtime: 'the clock',
  strftime: 'the clock',
  perf_counter: 'the clock',
  monotonic: 'the clock',
  process_time: 'the clock',
  uuid1: 'chance',
  uuid4: 'chance',
  urandom: 'chance',
  token_bytes: 'chance',
  token_hex: 'chance',
  randbelow: 'chance',
  SystemRandom: 'chance',
  getpid: 'the process',
  gethostname: 'the machine',
  getuser: 'the machine',
};

/** `time.time()`: its last name alone is too common a word. */
const CLOCK_MODULE_CALL = /^time\s*\.\s*time$/;

/** What a source asks for that another run would answer otherwise: the clock, chance, the machine. */
export function outsideUses(source: PythonSource): OutsideUse[] {
  const uses: OutsideUse[] = [];
  const imported = importedNames(source);
  for (const node of nodesOf(source)) {
    if (node.name !== 'CallExpression' || !node.firstChild) continue;
    const written = textOf(source, node.firstChild);
    const called = imported.get(written) ?? written;
    const last = /(\w+)$/.exec(called)?.[1] ?? '';
    const what = Object.hasOwn(VARYING, last)
      ? VARYING[last]
      : CLOCK_MODULE_CALL.test(called)
        ? 'the clock'
        : undefined;
    if (what) uses.push({ what: `${what} (${called.replaceAll(/\s+/g, '')})`, line: placeOf(source, node).line ?? 1 });
  }
  return uses;
}

/** Names that a source imports, by the names that it gives them: `t` for "time.time" after `from time import time as t`. */
function importedNames(source: PythonSource): ReadonlyMap<string, string> {
  return new Map(
    importsOf(source).flatMap(({ module, names }) => (names ?? []).map(({ name, as }) => [as, `${module}.${name}`])),
  );
}

/** Which variables of the environment a source asks for: by name as far as it names them, else all. */
export function environmentUses(source: PythonSource): readonly string[] | 'all' {
  // what cannot be parsed may ask for anything
  if (firstSyntaxError(source)) return 'all';
  const names = new Set<string>();
  // under another name, what it is asked for cannot be told
  for (const [as, name] of importedNames(source))
    if (/^os\.(environb?|getenvb?)$/.test(name) && !name.endsWith(`.${as}`)) return 'all';
  for (const node of nodesOf(source)) {
    if (node.name !== 'VariableName' && node.name !== 'PropertyName') continue;
    const word = nameOf(source, node);
    if (!/^(environb?|getenvb?)$/.test(word) || isInImport(node)) continue;
    // environ["NAME"], environ.get("NAME", ...), getenv("NAME", ...)
    const after = source.text.slice(node.to, node.to + 200);
    const item = /^[ \t]*\[\s*(["'])(\w+)\1\s*\]/.exec(after)?.[2];
    const name = item ?? /^[ \t]*(?:\.\s*get\s*)?\(\s*(["'])(\w+)\1\s*[),]/.exec(after)?.[2];
    if (name === undefined) return 'all';
    names.add(name);
  }
  return [...names].sort();
}

function isInImport(node: { readonly parent: { readonly name: string } | null }): boolean {
  return node.parent?.name === 'ImportStatement';
}
