import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = resolve(import.meta.dirname, '..', '..');
export const PYTHON = join(ROOT, '.tools', 'render', 'bin', 'python');
const ACT = join(ROOT, '.tools', 'render', 'bin', 'act');

/** What users get of this repository. */
const RELEASED = ['action.yml', 'plan', 'upload', 'package.json', 'dist', 'python', '.github/workflows/build.yml'];

/** A repository that uses the action, and a home for act's caches. Workflows run in it under act in host mode. */
export interface ActRepository {
  readonly folder: string;
  readonly project: string;
  /** Writes a file of the repository, or changes it. */
  edit(name: string, change: string | ((text: string) => string)): void;
  /** Commits and runs a workflow (YAML); extra variables are seen by its steps as env. */
  run(workflow: string, options?: { env?: Record<string, string>; signal?: AbortSignal }): Promise<ActRun>;
  remove(): void;
}

export interface ActRun {
  readonly status: number | null;
  readonly log: string;
  /** What steps wrote as JSON into $RESULTS/<name>.json. */
  result(name: string): Record<string, string>;
  /** A file that steps left in $RESULTS. */
  file(name: string): string;
}

/** Makes a repository with the tiny project in projects/tiny. Nothing is taken from this checkout but the action. */
export function actRepository(): ActRepository {
  const base = mkdtempSync(join(tmpdir(), 'fh-act-'));
  const folder = join(base, 'repository');
  const project = join(folder, 'projects', 'tiny');
  mkdirSync(join(folder, '.github', 'workflows'), { recursive: true });
  cpSync(join(ROOT, 'tests', 'fixtures', 'tiny'), project, { recursive: true });
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=tests', '-c', 'user.email=tests@example.org', ...args], {
      cwd: folder,
      stdio: 'pipe',
    });
  };
  git('init', '-q', '-b', 'main');
  // act copies the whole folder of a local action at each use: give it what a release holds and no more
  const action = join(base, 'action');
  for (const name of RELEASED) cpSync(join(ROOT, name), join(action, name), { recursive: true });
  let runs = 0;
  return {
    folder,
    project,
    edit(name, change) {
      const path = join(folder, name);
      writeFileSync(path, typeof change === 'string' ? change : change(readFileSync(path, 'utf8')));
    },
    async run(workflow, { env = {}, signal } = {}) {
      runs += 1;
      const results = join(base, `results-${runs}`);
      mkdirSync(results);
      writeFileSync(join(folder, '.github', 'workflows', 'test.yml'), workflow);
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', `run ${runs}`);
      const args = ['push', '-W', '.github/workflows/test.yml', '-P', 'ubuntu-latest=-self-hosted'];
      args.push('--cache-server-addr', '127.0.0.1', '--cache-server-path', join(base, 'cache'));
      args.push('--action-cache-path', join(base, 'actions'), '--local-repository', `flaming-horse/build@v1=${action}`);
      const variables = { ...env, RESULTS: results, PYTHON, GITHUB_RUN_ID: String(Date.now()) };
      for (const [name, value] of Object.entries(variables)) args.push('--env', `${name}=${value}`);
      args.push('--var', `PYTHON=${PYTHON}`);
      const { status, log } = await runAct(args, folder, signal);
      return {
        status,
        log,
        result: (name) => JSON.parse(readFileSync(join(results, `${name}.json`), 'utf8')) as Record<string, string>,
        file: (name) => join(results, name),
      };
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

function runAct(args: string[], cwd: string, signal?: AbortSignal): Promise<{ status: number | null; log: string }> {
  if (!existsSync(ACT)) throw new Error('act is missing: run script/bootstrap');
  return new Promise((resolvePromise, reject) => {
    const child = spawn(ACT, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (log += data.toString()));
    signal?.addEventListener('abort', () => child.kill('SIGINT'));
    child.on('error', reject);
    child.on('close', (status) => resolvePromise({ status, log }));
  });
}

/** A workflow with one job that builds the tiny project; `inputs` are added to the step's own. */
export function buildWorkflow(inputs: Record<string, string> = {}): string {
  const settings = {
    project: 'projects/tiny',
    voice: 'espeak',
    setup: 'never',
    python: `\${{ env.PYTHON }}`,
    ...inputs,
  };
  const lines = Object.entries(settings).map(([name, value]) => `          ${name}: ${JSON.stringify(value)}`);
  return `on: push
jobs:
  video:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: flaming-horse/build@v1
        id: video
        with:
${lines.join('\n')}
      - run: |
          cat > "$RESULTS/outputs.json" <<'JSON'
          \${{ toJSON(steps.video.outputs) }}
          JSON
          cp projects/tiny/final_video.* projects/tiny/project_state.json "$RESULTS"
          git status --porcelain > "$RESULTS/git-status.txt"
`;
}

/**
 * Waits until a job renders, then kills the node that started the render, as a lost runner or act's own cancelling does:
 * nothing of ours gets to run. `workspaceFile`: where a step of the job writes its workspace.
 */
export async function killRender(workspaceFile: string): Promise<void> {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // not there yet, or gone by now
    }
  };
  for (let tries = 0; tries < 1200; tries++) {
    const workspace = read(workspaceFile).trim();
    const pids = workspace === '' ? [] : readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    // whoever asks the server for a render
    const renders = pids.filter((pid) => {
      const words = read(`/proc/${pid}/cmdline`).split('\0');
      return words.includes('--through') && words.some((word) => word.startsWith(`${workspace}/`));
    });
    const parents = renders.map((pid) => /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '');
    const node = parents.find((pid) => read(`/proc/${pid}/cmdline`).includes('dist'));
    if (node !== undefined) {
      process.kill(Number(node), 'SIGKILL');
      return;
    }
    await sleep(25);
  }
  throw new Error('no render of the job was seen');
}
