import { childrenOf, nodesOf, type PythonSource, placeOf, textOf } from './python-source.js';

/** One module that a source imports, and what it takes from it. */
export interface Import {
  /** Leading dots: 0 for an absolute import. */
  readonly level: number;
  /** The dotted name; empty for `from . import name`. */
  readonly module: string;
  /** What `from module import ...` names (`*` for everything); undefined for `import module`. */
  readonly names: readonly { readonly name: string; readonly as: string }[] | undefined;
  readonly line: number;
  /** Its offset in the source. */
  readonly at: number;
}

/** Every import of a source, wherever it stands in it. */
export function importsOf(source: PythonSource): Import[] {
  const imports: Import[] = [];
  for (const node of nodesOf(source)) {
    if (node.name !== 'ImportStatement') continue;
    const { line } = placeOf(source, node);
    const words = childrenOf(node)
      .filter(({ name }) => !['Comment', '(', ')'].includes(name))
      .map((child) => textOf(source, child));
    if (words[0] === 'import') {
      for (const { name } of renamed(words.slice(1)))
        imports.push({ level: 0, module: name, names: undefined, line, at: node.from });
    } else {
      const at = words.indexOf('import');
      const from = (at === -1 ? words.slice(1) : words.slice(1, at)).join('');
      const level = /^\.*/.exec(from)?.[0].length ?? 0;
      imports.push({
        level,
        module: from.slice(level),
        names: at === -1 ? [] : renamed(words.slice(at + 1)),
        line,
        at: node.from,
      });
    }
  }
  return imports;
}

/** The items of a list like `a.b as c, d`. */
function renamed(words: readonly string[]): { name: string; as: string }[] {
  const items: { name: string; as: string }[] = [];
  for (let rest = [...words]; rest.length > 0; ) {
    const comma = rest.indexOf(',');
    const item = comma === -1 ? rest : rest.slice(0, comma);
    rest = comma === -1 ? [] : rest.slice(comma + 1);
    const as = item.indexOf('as');
    const name = (as === -1 ? item : item.slice(0, as)).join('');
    if (name !== '') items.push({ name, as: as === -1 ? name : (item[as + 1] ?? name) });
  }
  return items;
}
