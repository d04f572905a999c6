import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { actionRoot } from '../src/shipped.js';
import { temporaryFolders, writeFiles } from './support/folder.js';
import { sceneSource, writeProject } from './support/project.js';
import { commandIn, linesOfRunner, renderMarkdown, steersTerminal } from './support/readers.js';

const newFolder = temporaryFolders();

interface Step {
  readonly status: number | null;
  readonly log: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Runs the build action as a runner does: the bundle with inputs and files of a step in its environment. */
async function step(root: string, project: string, env: Record<string, string> = {}): Promise<Step> {
  const [summary, output] = [join(root, 'summary.md'), join(root, 'output')];
  await writeFiles(root, { 'summary.md': '', output: '' });
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(actionRoot(), 'dist', 'main.js')], {
    cwd: root,
    env: {
      ...{
        PATH,
        HOME,
        GITHUB_WORKSPACE: root,
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_OUTPUT: output,
        GITHUB_ACTIONS: 'true',
      },
      ...{
        INPUT_PROJECT: project,
        INPUT_VOICE: 'espeak',
        INPUT_QUALITY: 'low',
        INPUT_SETUP: 'never',
        INPUT_CACHE: 'off',
      },
      ...{ INPUT_PYTHON: join(actionRoot(), '.tools', 'render', 'bin', 'python'), XDG_CACHE_HOME: join(root, 'cache') },
      ...env,
    },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  return { status, log, summary: await read(summary), outputs: outputsIn(await read(output)) };
}

/** Outputs as a runner reads them: NAME<<DELIMITER, lines, DELIMITER. */
function outputsIn(text: string): Record<string, string> {
  const lines = text.split('\n');
  const outputs: Record<string, string> = {};
  for (let at = 0; at < lines.length - 1; at++) {
    const [, name = '', delimiter = ''] = /^([^=]*?)<<(.+)$/.exec(lines[at] ?? '') ?? [];
    const end = lines.indexOf(delimiter, at + 1);
    if (name === '' || end < 0) throw new Error(`not an output: ${lines[at]}`);
    outputs[name] = lines.slice(at + 1, end).join('\n');
    at = end;
  }
  return outputs;
}

/** The names of the commands in a log, in order. */
const commands = (log: string): string[] =>
  linesOfRunner(log)
    .filter(commandIn)
    .map((line) => /^::([\w-]+)/.exec(line)?.[1] ?? line);

const EVIL =
  '::add-mask::x\\r\\n::stop-commands::t\\n##[error]forged\\n\\u200b::set-output name=video::x\\x1b[2J\\x1b]0;t\\x07 | `a` <b> [l](http://x) **b**';

test('nothing that a project, a scene or a tool says is a command, an annotation, an output or markup', async () => {
  const root = await newFolder();
  const evil = JSON.parse(`"${EVIL.replaceAll('\\x1b', '\\u001b').replaceAll('\\x07', '\\u0007')}"`) as string;
  const failing = (name: string): string =>
    sceneSource(name, [EVIL], 'import sys').replace(
      '        self.wait(1)\n',
      `        print("${EVIL}", flush=True)\n        print("${EVIL}", file=sys.stderr, flush=True)\n        raise RuntimeError("${EVIL}")\n`,
    );
  const project = await writeProject(root, {
    state: { project_name: evil },
    scenes: ['one', 'two', 'good'].map((id) => ({
      id,
      title: evil,
      file: `${id}.py`,
      class_name: 'S',
      status: 'built',
    })),
    narration: { [evil]: 'Words.' },
    files: { 'one.py': failing('S'), 'two.py': failing('S'), 'good.py': sceneSource('S', [EVIL]) },
  });
  const { status, log, summary, outputs } = await step(root, project);
  expect(status).toBe(1);
  expect(log).toContain('RuntimeError');
  // a warning for each scene file that the state does not name, and one error for both scenes
  const told = commands(log).filter((name) => !['group', 'endgroup', 'debug'].includes(name));
  expect(told).toEqual(['warning', 'warning', 'error']);
  expect(steersTerminal(log)).toBe(false);
  expect(outputs).toEqual({});
  const [title = '', , ...items] = summary.trimEnd().split('\n');
  expect(renderMarkdown(title, 'heading').markup).toEqual([]);
  expect(items).toHaveLength(3); // the error and its two places
  for (const item of items) expect(renderMarkdown(item.trim(), 'item').markup).toEqual([]);
  const { errors } = JSON.parse(await readFile(join(project, 'project_state.json'), 'utf8')) as { errors: string[] };
  for (const error of errors) {
    expect(error.length).toBeLessThanOrEqual(540);
    expect(error).not.toContain('\n');
    expect(steersTerminal(error)).toBe(false);
  }

  // the same with scenes that end well: titles, reasons and keys in the table, the path of the video as output
  await writeFiles(project, { 'one.py': sceneSource('S', [EVIL]), 'two.py': sceneSource('S', [EVIL]) });
  const good = await step(root, project, { INPUT_OUTPUT: join(root, '%0Avideo=forged, line=1', '##[error]x.mp4') });
  expect(good.status).toBe(0);
  expect(commands(good.log).filter((name) => !['group', 'endgroup', 'debug', 'warning'].includes(name))).toEqual([]);
  expect(good.outputs.video).toBe(join(root, '%0Avideo=forged, line=1', '##[error]x.mp4'));
  expect(existsSync(good.outputs.video ?? '')).toBe(true);
  expect(Object.keys(good.outputs)).toContain('scenes-rendered');
  for (const row of good.summary.split('\n').filter((line) => line.startsWith('| ::'))) {
    const cells = renderMarkdown(row.replace(/\| (?:rendered|reused) \|.*$/, '| b |'), 'cell');
    expect(cells.markup).toEqual([]);
    expect(cells.text).toContain('**b**');
  }
});

test('a file for outputs that cannot be written stops the build before any work, and says which', async () => {
  const root = await newFolder();
  const project = await writeProject(root);
  await mkdir(join(root, 'no-file'));
  const { status, log } = await step(root, project, { GITHUB_OUTPUT: join(root, 'no-file') });
  expect(status).toBe(1);
  expect(log).toContain(
    `::error::cannot write to the file for the step's outputs ${join(root, 'no-file')}: there is a folder in its place (EISDIR)`,
  );
  expect(log).not.toContain('to render');
});

test('a summary that cannot be written is a warning', async () => {
  const root = await newFolder();
  const project = await writeProject(root, {
    scenes: [{ id: 'good', file: 'good.py', class_name: 'S', status: 'built' }],
    files: { 'good.py': sceneSource('S', ['intro']) },
  });
  await mkdir(join(root, 'no-file'));
  const { status, log, outputs } = await step(root, project, { GITHUB_STEP_SUMMARY: join(root, 'no-file') });
  expect(log).toContain(
    `::warning::the summary of the job is missing: cannot open ${join(root, 'no-file')}: there is a folder in its place (EISDIR)`,
  );
  expect(status).toBe(0);
  expect(outputs['scenes-rendered']).toBe('1');
});
