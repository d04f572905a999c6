import type { Node } from 'jsonc-parser';
import { endOf, type Json, type JsonFile, type JsonObject, membersOf } from './json.js';

/** A part of a text and what comes in its place. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** How a file is laid out. */
interface Layout {
  readonly text: string;
  readonly lineEnd: string;
  readonly indent: string;
  /** Whether values stand on lines of their own where there is nothing to go by. */
  readonly isTall: boolean;
  readonly colon: string;
}

/**
 * The text of a JSON file for another value. What is equal stays as it is, byte for byte: the spelling of numbers and
 * texts, the order of fields, line ends, a byte order mark. What is added follows the layout around it. What stood behind
 * the JSON is dropped.
 */
export function withValue(file: JsonFile, value: Json): string {
  const { text, root } = file;
  const lineEnd = /\r\n?|\n/.exec(text)?.[0] ?? '\n';
  const layout: Layout = {
    text,
    lineEnd,
    indent: /[\r\n]([ \t]+)"/.exec(text)?.[1] ?? '  ',
    isTall: /^[{[]\s*[\r\n]/.test(text.slice(root.offset)),
    colon: /":\S/.test(text) && !/": /.test(text) ? ':' : ': ',
  };
  const rest = text.slice(endOf(root));
  const edits = editsFor(root, file.value, value, layout);
  const edited = [...edits].sort((a, b) => b.from - a.from || b.to - a.to);
  const changed = edited.reduce((now, edit) => now.slice(0, edit.from) + edit.text + now.slice(edit.to), text);
  return rest.trim() === '' ? changed : `${changed.slice(0, changed.length - rest.length)}${lineEnd}`;
}

function editsFor(node: Node, before: Json, after: Json, layout: Layout): Edit[] {
  if (isSame(before, after)) return [];
  if (isObject(before) && isObject(after) && node.type === 'object') return fieldEdits(node, before, after, layout);
  if (Array.isArray(before) && Array.isArray(after) && node.type === 'array')
    return itemEdits(node, before, after, layout);
  return [inPlaceOf(node, after, layout)];
}

function fieldEdits(node: Node, before: JsonObject, after: JsonObject, layout: Layout): Edit[] {
  const fields = node.children ?? [];
  const members = membersOf(node);
  const last = new Map(members.map(({ name }, at) => [name, at]));
  const isKept = members.map(({ name }) => Object.hasOwn(after, name));
  const lastKept = fields[isKept.lastIndexOf(true)];
  const lastField = fields.at(-1);
  if (!lastKept || !lastField) return [inPlaceOf(node, after, layout)];
  const edits = members.flatMap(({ name, value }, at) => {
    const field = fields[at] as Node;
    const next = fields[at + 1];
    if (!isKept[at]) return next && field.offset < lastKept.offset ? [remove(field.offset, next.offset)] : [];
    // of fields with one name the last counts
    return last.get(name) === at ? editsFor(value, before[name] as Json, after[name] as Json, layout) : [];
  });
  const added = Object.keys(after)
    .filter((name) => !Object.hasOwn(before, name))
    .map((name) => (base: string | undefined) => member(name, after[name] as Json, base, layout));
  const tail = { from: endOf(lastKept), to: endOf(lastField), text: following(node, added, layout) };
  return tail.from === tail.to && tail.text === '' ? edits : [...edits, tail];
}

function itemEdits(node: Node, before: Json[], after: Json[], layout: Layout): Edit[] {
  const items = node.children ?? [];
  const last = items.at(-1);
  if (!last || after.length < before.length) return [inPlaceOf(node, after, layout)];
  const edits = items.flatMap((item, at) => editsFor(item, before[at] as Json, after[at] as Json, layout));
  const added = after.slice(before.length).map((value) => (base: string | undefined) => printed(value, base, layout));
  return added.length === 0
    ? edits
    : [...edits, { from: endOf(last), to: endOf(last), text: following(node, added, layout) }];
}

function remove(from: number, to: number): Edit {
  return { from, to, text: '' };
}

function inPlaceOf(node: Node, value: Json, layout: Layout): Edit {
  const lineStart =
    Math.max(layout.text.lastIndexOf('\n', node.offset - 1), layout.text.lastIndexOf('\r', node.offset - 1)) + 1;
  const base = layout.isTall ? (/^[ \t]*/.exec(layout.text.slice(lineStart))?.[0] ?? '') : undefined;
  return { from: node.offset, to: endOf(node), text: printed(value, base, layout) };
}

/** What is put behind the last child of a container, in the way in which its children stand. */
function following(container: Node, added: readonly ((base: string | undefined) => string)[], layout: Layout): string {
  const first = container.children?.[0];
  const before = first ? layout.text.slice(container.offset + 1, first.offset) : '';
  const base = /[\r\n]([ \t]*)$/.exec(before)?.[1];
  const gap = base === undefined ? (layout.colon === ':' ? '' : ' ') : layout.lineEnd + base;
  return added.map((print) => `,${gap}${print(base)}`).join('');
}

function member(name: string, value: Json, base: string | undefined, layout: Layout): string {
  return `${JSON.stringify(name)}${layout.colon}${printed(value, base, layout)}`;
}

/** A value as text: on lines of its own below a base indentation, or on one line without one. */
function printed(value: Json, base: string | undefined, layout: Layout): string {
  if (base !== undefined) return JSON.stringify(value, null, layout.indent).replaceAll('\n', layout.lineEnd + base);
  const comma = layout.colon === ':' ? ',' : ', ';
  if (Array.isArray(value)) return `[${value.map((item) => printed(item, base, layout)).join(comma)}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, item]) => member(name, item, base, layout))
    .join(comma)}}`;
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (!isObject(a) || !isObject(b)) return Object.is(a, b);
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
