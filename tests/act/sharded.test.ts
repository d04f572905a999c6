import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type ActRepository, type ActRun, actRepository, buildWorkflow, killRender } from './act.js';

let repository: ActRepository;

beforeAll(() => {
  repository = actRepository();
});

afterAll(() => repository.remove());

const KEEP = `
      - run: |
          cat > "$RESULTS/outputs.json" <<'JSON'
          \${{ toJSON(steps.video.outputs) }}
          JSON
          cp projects/tiny/final_video.* "$RESULTS"`;

const INPUTS = `
          project: projects/tiny
          voice: espeak
          setup: never
          python: \${{ env.PYTHON }}`;

async function run(workflow: string): Promise<ActRun> {
  const ran = await repository.run(workflow);
  if (ran.status !== 0) throw new Error(ran.log);
  return ran;
}

/** Hashes of the decoded picture (frame by frame) and sound. */
function decoded(file: string): string {
  return execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v', '-map', '0:a', '-f', 'framemd5', '-'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
}

/** The one-line sharded build, as users write it, with shards as small as they get. */
const REUSABLE = `on: push
jobs:
  video:
    uses: flaming-horse/build/.github/workflows/build.yml@v1
    with:
      project: projects/tiny
      voice: espeak
      setup: never
      python: \${{ vars.PYTHON }}
      max-shards: 2
      target-minutes: 0.01
      cache-prefix: reusable
  show:
    needs: video
    runs-on: ubuntu-latest
    steps:
      - run: |
          cat > "$RESULTS/outputs.json" <<'JSON'
          \${{ toJSON(needs.video.outputs) }}
          JSON
          # the same entries, joined where the test can see it
      - uses: actions/checkout@v5
      - uses: flaming-horse/build@v1
        id: video
        with:${INPUTS}
          cache-prefix: reusable
      - run: |
          cat > "$RESULTS/again.json" <<'JSON'
          \${{ toJSON(steps.video.outputs) }}
          JSON
          cp projects/tiny/final_video.* "$RESULTS"
`;

/** Two static shards side by side without a planner, one of them killed in the middle of its render, then the build. */
const STATIC = `on: push
jobs:
  kept:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: flaming-horse/build@v1
        with:${INPUTS}
          cache-prefix: static
          shard: 1/2
  lost:
    runs-on: ubuntu-latest
    continue-on-error: true
    steps:
      - uses: actions/checkout@v5
      - run: pwd -P > "$LOST_WORKSPACE"
      - uses: flaming-horse/build@v1
        with:${INPUTS}
          cache-prefix: static
          shard: 2/2
  build:
    needs: [kept, lost]
    if: always()
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: flaming-horse/build@v1
        id: video
        with:${INPUTS}
          cache-prefix: static${KEEP}
`;

describe('a sharded build under act', () => {
  let single: ActRun;

  beforeAll(async () => {
    single = await run(buildWorkflow({ 'cache-prefix': 'single' }));
  });

  it('gives frame for frame the video and the sound of the single job', async () => {
    const sharded = await run(REUSABLE);
    expect(sharded.log).toContain('shard 1/2: ');
    expect(sharded.log).toContain('shard 2/2: ');
    // the shards rendered everything: nothing was left to the build job, nor to the one after it
    expect(sharded.result('outputs')).toMatchObject({ 'scenes-rendered': '0' });
    expect(sharded.result('again')).toMatchObject({ 'scenes-rendered': '0', 'scenes-reused': '3' });
    expect(decoded(sharded.file('final_video.mp4'))).toBe(decoded(single.file('final_video.mp4')));
  });

  it('plans an empty matrix when nothing is missing, and starts no render job', async () => {
    const again = await run(REUSABLE);
    expect(again.log).not.toContain('shard 1/');
    expect(again.log).toContain('scene_01_opening: stored');
    expect(again.result('outputs')).toMatchObject({ 'scenes-rendered': '0' });
  });

  it('ends in the right video when a shard is killed half-way', async () => {
    // act fails the run for the lost job whatever continue-on-error says; what counts is the video
    const file = join(repository.folder, '..', 'lost-workspace');
    const running = repository.run(STATIC, { env: { LOST_WORKSPACE: file } });
    const [built] = await Promise.all([running, killRender(file)]);
    expect(built.log).toContain('signal: killed');
    const { 'scenes-rendered': rendered } = built.result('outputs');
    expect(Number(rendered)).toBeGreaterThan(0);
    expect(Number(rendered)).toBeLessThan(3);
    expect(decoded(built.file('final_video.mp4'))).toBe(decoded(single.file('final_video.mp4')));
  });
});
