import type { SyntaxNode } from '@lezer/common';
import { importsOf } from '../project/imports.js';
import { childrenOf, textOf } from '../project/python-source.js';
import { findClass, kindOf, type PythonClass } from '../project/scene-class.js';
import { type Check, findingAt, type SceneUnderCheck } from './check.js';
import { argumentOf, type Call, constantOf, type Reading } from './reading.js';

/** A scene that speaks and never says with which voice. */
export const speechService: Check = (under) => {
  const { scene, sources } = under;
  const mentions = (name: string): boolean => sources.some(({ reading }) => reading.attributes.has(name));
  if (mentions('set_speech_service') || mentions('speech_service') || mentions('init_voiceover')) return [];
  const [own] = sources;
  const call = own && voiceoversOf(own.reading)[0];
  const all = sources.map(({ reading }) => reading.source);
  const sceneClass = findClass(scene.className, all);
  if (!call || !sceneClass || kindOf(sceneClass, all) !== 'voiceover') return [];
  const severity = hasUnknownBase(sceneClass, under) ? 'warning' : own.severityAt(call.node.from);
  return [
    findingAt(
      under,
      severity,
      own.reading.placeOf(call.node.from),
      `${scene.className} speaks, but never sets its speech service`,
      'Call self.set_speech_service(get_speech_service(Path(__file__).resolve().parent)) at the start of construct.',
    ),
  ];
};

/** A voiceover inside another: both are heard at once. */
export const nestedVoiceovers: Check = (under) =>
  under.sources.flatMap(({ reading }) =>
    voiceoversOf(reading).flatMap((call) => {
      const outer = withAround(call.node, reading);
      if (!outer) return [];
      const { line } = reading.placeOf(outer.from);
      return [
        findingAt(
          under,
          'warning',
          reading.placeOf(call.node.from),
          `a voiceover inside the voiceover of line ${line}: both are heard at once`,
          'Put it after the other one.',
        ),
      ];
    }),
  );

/** Narration that stands in the scene instead of SCRIPT: no voice speaks it. */
export const ownNarration: Check = (under) => {
  if (!speaksByOurService(under)) return [];
  const { narration } = under.project;
  const known = new Set([...narration.lines.map(({ text }) => normal(text)), ...under.recorded]);
  return under.sources.flatMap(({ reading, severityAt }) =>
    voiceoversOf(reading).flatMap((call) => {
      const spoken = argumentOf(call, 'text', 0);
      if (!spoken || call.args.some(({ name }) => name === 'path' || name === '**')) return [];
      const at = call.node.from;
      const constant = constantOf(reading.source, resolved(spoken, reading));
      if (constant !== undefined) {
        if (known.has(normal(constant))) return [];
        return [
          findingAt(
            under,
            severityAt(at),
            reading.placeOf(at),
            'the narration of this voiceover stands in the scene: no voice speaks it',
            `Put the text into SCRIPT in ${narration.file.split('/').at(-1)}, and use voiceover(text=SCRIPT["key"]).`,
          ),
        ];
      }
      if (!isComputed(spoken, reading)) return [];
      return [
        findingAt(
          under,
          'warning',
          reading.placeOf(at),
          'the narration of this voiceover is put together while the scene runs: no voice may have spoken it',
          'Put the whole text into SCRIPT, and use voiceover(text=SCRIPT["key"]).',
        ),
      ];
    }),
  );
};

/** Whether the only service is the one that reads spoken lines; another one, or the repository's own, may speak anything. */
function speaksByOurService({ sources }: SceneUnderCheck): boolean {
  if (sources.some(({ reading }) => /\/flaming_horse_voice(\.py|\/__init__\.py)$/.test(reading.source.path)))
    return false;
  const calls = sources.flatMap(({ reading }) =>
    reading.calls.filter(({ name }) => name === 'set_speech_service').map((call) => ({ call, reading })),
  );
  return (
    calls.length > 0 &&
    calls.every(
      ({ call, reading: { source } }) =>
        /\bget_speech_service\s*\(/.test(textOf(source, call.node)) &&
        importsOf(source).some(
          ({ level, module, names }) =>
            level === 0 && module === 'flaming_horse_voice' && names?.some(({ as }) => as === 'get_speech_service'),
        ),
    )
  );
}

function voiceoversOf({ calls }: Reading): Call[] {
  return calls.filter(({ called }) => called.endsWith('.voiceover'));
}

/** The `with` statement of a voiceover around a node, in the same function. */
function withAround(node: SyntaxNode, reading: Reading): SyntaxNode | undefined {
  for (let at = node; at.parent; at = at.parent) {
    const { parent } = at;
    if (parent.name === 'FunctionDefinition' || parent.name === 'LambdaExpression') return undefined;
    if (parent.name !== 'WithStatement' || at.name !== 'Body') continue;
    const isVoiceover = childrenOf(parent).some(
      (child) => child.name === 'CallExpression' && /\.\s*voiceover\s*\(/.test(textOf(reading.source, child)),
    );
    if (isVoiceover) return parent;
  }
  return undefined;
}

/** What a name stands for that is assigned once, at the same place or the top of the file; else the node itself. */
function resolved(node: SyntaxNode, { source }: Reading): SyntaxNode {
  if (node.name !== 'VariableName') return node;
  const name = textOf(source, node);
  const values: SyntaxNode[] = [];
  source.tree.iterate({
    enter: ({ node: statement }) => {
      if (statement.name !== 'AssignStatement' && statement.name !== 'UpdateStatement') return;
      const [target, operator, value, ...rest] = childrenOf(statement);
      if (!target || !value || textOf(source, target) !== name) return;
      values.push(operator?.name === 'AssignOp' && rest.length === 0 ? value : node);
    },
  });
  return values.length === 1 ? (values[0] ?? node) : node;
}

/** Whether a text is made of parts: an f-string that holds more than a line of SCRIPT, a sum, a format. */
function isComputed(node: SyntaxNode, { source }: Reading): boolean {
  const text = textOf(source, node);
  if (node.name === 'FormatString') return !/^[fF]["']+\s*\{\s*SCRIPT\s*\[[^\]]*\]\s*\}\s*["']+$/.test(text);
  if (node.name === 'ContinuedString') return true;
  if (node.name === 'BinaryExpression') return /["']/.test(text.replaceAll(/\[[^\]]*\]/g, ''));
  return node.name === 'CallExpression' && /^["'][\s\S]*["']\s*\.\s*(format|join)\s*\(/.test(text);
}

function hasUnknownBase(start: PythonClass, { sources }: SceneUnderCheck): boolean {
  const all = sources.map(({ reading }) => reading.source);
  const seen = new Set<string>();
  const queue: PythonClass[] = [start];
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (seen.has(next.name)) continue;
    seen.add(next.name);
    for (const base of next.bases) {
      const known = findClass(base, all);
      if (known) queue.push(known);
      else if (!MANIM_SCENES.has(base)) return true;
    }
  }
  return false;
}

const MANIM_SCENES = new Set([
  ...['VoiceoverScene', 'Scene', 'MovingCameraScene', 'ThreeDScene', 'SpecialThreeDScene', 'ZoomedScene'],
  ...['LinearTransformationScene', 'VectorScene'],
]);

function normal(text: string): string {
  return text.split(/\s+/).filter(Boolean).join(' ');
}
