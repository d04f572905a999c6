import { cpSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

/*
 * What each edit renders again. The project is built once; then each edit is made, asked about, and taken back. Asking is
 * `status`, whose answer the builds at the end hold to.
 */

const ALL = ['scene_01_opening', 'scene_02_middle', 'scene_03_ending'];
let shop: Workshop;

beforeAll(async () => {
  shop = workshop();
  const built = await shop.cli('build', shop.project, ...QUICK);
  if (built.status !== 0) throw new Error(built.stderr);
});

afterAll(() => shop.remove());

interface Status {
  readonly lines: readonly { readonly key: string; readonly from: string }[];
  readonly scenes: readonly { readonly id: string; readonly reused: boolean; readonly why: string }[];
}

async function status(...args: string[]): Promise<Status> {
  const told = await shop.cli('status', shop.project, '--json', ...QUICK, ...args);
  if (told.status !== 0) throw new Error(told.stderr);
  return JSON.parse(told.stdout) as Status;
}

async function renderedAfter(...args: string[]): Promise<Record<string, string>> {
  const { scenes } = await status(...args);
  return Object.fromEntries(scenes.filter(({ reused }) => !reused).map(({ id, why }) => [id, why]));
}

/** Runs a test with the project as the edit leaves it, then brings it back. */
async function withEdit(edit: () => void, test: () => Promise<void>): Promise<void> {
  const saved = join(shop.base, 'saved');
  cpSync(shop.project, saved, { recursive: true, preserveTimestamps: true });
  try {
    edit();
    await test();
  } finally {
    rmSync(shop.project, { recursive: true });
    renameSync(saved, shop.project);
  }
}

const replace = (name: string, from: string, to: string) => (): void => {
  shop.edit(name, (text) => {
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
    return text.replace(from, to);
  });
};

describe('what an edit renders again', () => {
  const table: [edit: string, make: () => void, rendered: Record<string, string>][] = [
    ['nothing', () => {}, {}],
    ['touching every file', () => touchAll(shop.project), {}],
    ['the order of the scenes', () => reorder(), {}],
    ['a file that no scene knows', () => writeFileSync(join(shop.project, 'notes.txt'), 'later'), {}],
    ['a comment in the narration', replace('narration_script.py', '# the first scene', '# words'), {}],
    [
      'one narration line',
      replace('narration_script.py', 'is four', 'makes four'),
      { scene_02_middle: 'narration line middle changed' },
    ],
    [
      'the texts of two lines swapped',
      () =>
        shop.edit('narration_script.py', (text) =>
          text
            .replace('A square turns into a circle.', '@')
            .replace('Two plus two is four.', 'A square turns into a circle.')
            .replace('@', 'Two plus two is four.'),
        ),
      {
        scene_01_opening: 'narration line opening changed',
        scene_02_middle: 'narration line middle changed',
      },
    ],
    [
      'a comment in a scene (a needless miss that we allow)',
      () => shop.edit('scene_03_ending.py', (text) => `${text}# done\n`),
      { scene_03_ending: 'projects/tiny/scene_03_ending.py changed' },
    ],
    [
      'a module that one scene imports',
      replace('palette.py', '#ffcc00', '#ffcc01'),
      { scene_02_middle: 'projects/tiny/palette.py changed' },
    ],
    [
      'an image that one scene opens',
      replace('assets/sign.svg', '#33aa55', '#33aa56'),
      { scene_03_ending: 'projects/tiny/assets/sign.svg changed' },
    ],
    [
      'manim.cfg',
      () => writeFileSync(join(shop.project, 'manim.cfg'), '[CLI]\nbackground_color = WHITE\n'),
      Object.fromEntries(ALL.map((id) => [id, 'manim.cfg changed'])),
    ],
  ];

  it.each(table)('%s', async (_, edit, rendered) => {
    await withEdit(edit, async () => expect(await renderedAfter()).toEqual(rendered));
  });

  it('the quality', async () => {
    const rendered = await renderedAfter('--quality', 'low');
    expect(rendered).toEqual(Object.fromEntries(ALL.map((id) => [id, 'quality project -> 854x480 at 15'])));
  });

  it('encoder options', async () => {
    expect(Object.keys(await renderedAfter('--encoder-options', 'crf=30'))).toEqual(ALL);
  });

  it('another place of the checkout renders nothing again', async () => {
    const elsewhere = join(shop.base, 'elsewhere', 'projects', 'tiny');
    cpSync(join(shop.project), elsewhere, { recursive: true });
    const told = await shop.cli('status', elsewhere, '--json', ...QUICK);
    expect((JSON.parse(told.stdout) as Status).scenes.map(({ reused }) => reused)).toEqual([true, true, true]);
  });

  it('says of each line whether it would be spoken', async () => {
    await withEdit(replace('narration_script.py', 'is four', 'makes four'), async () => {
      const { lines } = await status();
      expect(lines.map(({ key, from }) => [key, from])).toEqual([
        ['opening', 'spoken'],
        ['middle', 'missing'],
        ['ending', 'spoken'],
      ]);
    });
  });
});

describe('builds after an edit', () => {
  const build = async (...args: string[]): Promise<string> => {
    const built = await shop.cli('build', shop.project, ...QUICK, ...args);
    if (built.status !== 0) throw new Error(built.stderr);
    return built.stderr;
  };
  const counts = (log: string): string => /(\d+ scenes? rendered, \d+ reused)/.exec(log)?.[1] ?? log;

  it('render a scene again whose image was replaced, and none when the old image is back', async () => {
    await withEdit(replace('assets/sign.svg', '#33aa55', '#3355aa'), async () => {
      expect(counts(await build())).toBe('1 scene rendered, 2 reused');
      expect(counts(await build())).toBe('0 scenes rendered, 3 reused');
    });
    expect(counts(await build())).toBe('0 scenes rendered, 3 reused');
  });

  it('join reordered scenes anew without rendering', async () => {
    const before = readFileSync(join(shop.project, 'final_video.srt'), 'utf8');
    await withEdit(reorder, async () => {
      expect(counts(await build())).toBe('0 scenes rendered, 3 reused');
      expect(readFileSync(join(shop.project, 'final_video.srt'), 'utf8')).not.toBe(before);
    });
  });

  it('report a damaged entry, render it again, and use the good one from then on', async () => {
    const store = join(shop.base, 'cache', 'flaming-horse', 'store');
    const entries = readdirSync(store).filter((name) => name.includes('-scene-'));
    for (const entry of entries) {
      const path = join(store, entry, 'video.mp4');
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    }
    const log = await build();
    expect(log).toContain('the stored result is damaged (video.mp4 is not what was rendered)');
    expect(counts(log)).toBe('3 scenes rendered, 0 reused');
    expect(counts(await build())).toBe('0 scenes rendered, 3 reused');
  });

  it('keep nothing of a scene that asks for the clock, and say so', async () => {
    const code = 'import time\n        time.strftime("%H")\n        with self.voiceover(';
    await withEdit(replace('scene_01_opening.py', 'with self.voiceover(', code), async () => {
      expect(counts(await build())).toBe('1 scene rendered, 2 reused');
      const again = await build();
      expect(counts(again)).toBe('1 scene rendered, 2 reused');
      expect(again).toContain(
        'scene_01_opening: every time: projects/tiny/scene_01_opening.py:18 asks for the clock (time.strftime)',
      );
    });
  });

  it('keep nothing of a scene that plays a line which its sources do not name', async () => {
    const code =
      'words = "Two plus two is four."\n        with self.voiceover(text=words): self.wait()\n        with self.voiceover(';
    await withEdit(replace('scene_01_opening.py', 'with self.voiceover(', code), async () => {
      const log = await build();
      if (counts(log) === '1 scene rendered, 2 reused' && log.includes('which is no sound of a line')) {
        expect(counts(await build())).toBe('1 scene rendered, 2 reused');
        return;
      }
      // or every line counts as used: then a change of that line renders the scene again
      replace('narration_script.py', 'Two plus two is four.', 'Two plus two is five.')();
      expect(Object.keys(await renderedAfter())).toContain('scene_01_opening');
    });
  });

  it('keep nothing of a scene that finds a module only while it renders, where that tells the time', async () => {
    const code = 'import importlib\n        importlib.import_module("late")\n        with self.voiceover(';
    await withEdit(
      () => {
        writeFileSync(join(shop.project, 'late.py'), 'import datetime\nSTAMP = datetime.datetime.now()\n');
        replace('scene_01_opening.py', 'with self.voiceover(', code)();
      },
      async () => {
        expect(await build()).toContain(
          'projects/tiny/late.py, found only while it rendered, uses the narration, the clock',
        );
        expect(counts(await build())).toBe('1 scene rendered, 2 reused');
      },
    );
  });

  it('keep nothing of a scene that reads from the network, and say so', async () => {
    const code = 'import socket\n        socket.getaddrinfo("localhost", 80)\n        with self.voiceover(';
    await withEdit(replace('scene_01_opening.py', 'with self.voiceover(', code), async () => {
      expect(await build()).toContain('scene scene_01_opening is rendered every time');
      expect(counts(await build())).toBe('1 scene rendered, 2 reused');
    });
  });
});

function reorder(): void {
  shop.edit('project_state.json', (text) => {
    const state = JSON.parse(text) as { scenes: unknown[] };
    state.scenes.reverse();
    return JSON.stringify(state, null, 2);
  });
}

function touchAll(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), new Date(), new Date());
  }
}
