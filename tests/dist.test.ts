import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { actionRoot } from '../src/shipped.js';
import { temporaryFolders } from './support/folder.js';

const newFolder = temporaryFolders();

/** The Node that runs the tests (20 in CI) and the one that GitHub starts actions with. */
const NODES = [process.execPath, join(actionRoot(), '.tools', 'node24', 'node', 'bin', 'node')];

function run(node: string, entry: string, args: readonly string[], env: Record<string, string> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  return spawnSync(node, [join(actionRoot(), 'dist', `${entry}.js`), ...args], {
    encoding: 'utf8',
    env: { PATH, HOME, ...env },
  });
}

test('the second Node is 24', () => {
  expect(spawnSync(NODES[1] ?? '', ['--version'], { encoding: 'utf8' }).stdout).toMatch(/^v24\./);
});

describe.each(NODES)('the bundle on %s', (node) => {
  test('tells how the command line is used', () => {
    const { status, stdout, stderr } = run(node, 'cli', ['--help']);
    expect(stderr).toBe('');
    expect(stdout).toContain('flaming-horse build PROJECT');
    expect(status).toBe(0);
  });

  test('tells the status of a project, for which it finds the Python programs it ships', async () => {
    const folder = await newFolder();
    cpSync(join(actionRoot(), 'tests', 'fixtures', 'tiny'), join(folder, 'tiny'), { recursive: true });
    const python = join(actionRoot(), '.tools', 'render', 'bin', 'python');
    const args = ['status', join(folder, 'tiny'), '--python', python, '--setup', 'never', '--json'];
    const { status, stdout, stderr } = run(node, 'cli', args, { XDG_CACHE_HOME: join(folder, 'cache') });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toMatchObject({ scenes: expect.any(Array) });
  });

  test.each(['main', 'plan'])('runs as the action %s, which names the input that is missing', async (entry) => {
    const env = { GITHUB_WORKSPACE: await newFolder(), GITHUB_ACTIONS: 'true' };
    const defaults = { 'INPUT_MAX-SHARDS': '10', 'INPUT_TARGET-MINUTES': '3' };
    const { status, stdout } = run(node, entry, [], { ...env, ...defaults });
    expect(stdout).toContain('::error::input project is missing');
    expect(status).toBe(1);
  });
});
