import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { QUICK, type Workshop, workshop } from '../support/cli.js';
import { LEGAL, LEGAL_FILES } from './legal.js';
import { sceneWith, TOP } from './support.js';

let shop: Workshop;

beforeAll(() => {
  shop = workshop();
});

afterAll(() => shop.remove());

/** Makes the project one of these scenes, named s0, s1, ... */
function scenes(sources: readonly string[], files: Readonly<Record<string, string>> = {}): void {
  const file = join(shop.project, 'project_state.json');
  const entries = sources.map((_, index) => ({ id: `s${index}` }));
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), scenes: entries }));
  const all = { ...files, ...Object.fromEntries(sources.map((source, index) => [`s${index}.py`, source])) };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(shop.project, name)), { recursive: true });
    writeFileSync(join(shop.project, name), text);
  }
  const narration = 'SCRIPT = {"one": "The first line.", "two": "The second line."}\n';
  writeFileSync(join(shop.project, 'narration_script.py'), narration);
}

const deep = (...args: string[]) => shop.cli('validate', shop.project, ...QUICK, '--validate-only', 'deep', ...args);

test('the scenes that no check may object to run to their end', async () => {
  scenes(
    LEGAL.map(({ source }) => source),
    LEGAL_FILES,
  );
  const { stderr } = await deep('--gates', 'off');
  const ended = [...stderr.matchAll(/^scene s(\d+): runs to its end/gm)].map((match) => Number(match[1]));
  const failed = LEGAL.filter((_, index) => !ended.includes(index)).map(({ style }) => style);
  const errors = stderr.split('\n').filter((line) => line.includes('error: '));
  expect([failed, errors]).toEqual([[], []]);
});

const FAILS: readonly (readonly [fault: string, body: string, said: RegExp])[] = [
  ['a name that is not there', 'for x in [1]:\n    self.play(Creat(Circle()))', /s\d+\.py:12: error: .*Creat/],
  [
    'an argument that is not there',
    'for x in [1]:\n    FadeIn(Dot(), scale_factor=2)',
    /s\d+\.py:12: error: .*scale_factor/,
  ],
  ['a formula that LaTeX does not know', 'for t in [r"\\nope"]:\n    MathTex(t)', /s\d+\.py:12: error: .*latex/i],
  ['a file that is not there', 'for f in ["a.png"]:\n    ImageMobject(f)', /s\d+\.py:12: error: .*a\.png/],
  ['a scene that shows nothing', 'self.add(Dot())', /s\d+\.py:\d+: error: .*shows nothing/],
  ['an end by itself', 'self.wait(0.1)\nimport sys\nsys.exit(0)', /s\d+\.py:13: error: .*sys\.exit/],
  [
    'an error late in an animation',
    'def f(m, a):\n    if a > 0.9: raise ValueError("late")\nself.play(UpdateFromAlphaFunc(Dot(), f))',
    /s\d+\.py:12: error: .*late/,
  ],
  [
    'an error within a voiceover',
    'with self.voiceover(text=SCRIPT["one"]) as t:\n    self.wait(-t.duration)',
    /s\d+\.py:12: error/,
  ],
];

test('what fails only when a scene runs is found at its line, all at once', async () => {
  scenes(FAILS.map(([, body]) => sceneWith(body)));
  rmSync(join(shop.project, 'media'), { recursive: true, force: true });
  const { status, stderr } = await deep();
  expect(status).toBe(1);
  const errors = stderr.split('\n').filter((line) => /^projects\/tiny\/s\d+\.py:\d+: error/.test(line));
  expect(errors).toHaveLength(FAILS.length);
  for (const [index, [, , said]] of FAILS.entries()) expect(errors[index]).toMatch(said);
});

test('bookmarks and captions have their places in lines that nobody has spoken', async () => {
  const body =
    'with self.voiceover(text="One <bookmark mark=\'A\'/> two three four.") as t:\n    self.wait_until_bookmark("A")\n    self.wait(t.get_remaining_duration())';
  const top = TOP.replace(
    'from flaming_horse_voice import get_speech_service',
    `from own_service import get_speech_service`,
  );
  scenes([sceneWith(body, top)], {
    'own_service.py':
      'from manim_voiceover_plus.services.base import SpeechService\n\n\nclass Loud(SpeechService):\n    def generate_from_text(self, text, cache_dir=None, path=None, **kw): raise AssertionError("spoke")\n\n\ndef get_speech_service(folder): return Loud()\n',
  });
  const { status, stderr } = await deep('--gates', 'off');
  expect([status, stderr]).toEqual([0, expect.stringContaining('runs to its end')]);
});
