import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { standpoint } from '../../src/render/stack.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();

/** What faulthandler writes for a program in a file of this name, which imports `helper` of a package beside it. */
async function dumped(name: string, program: string): Promise<{ folder: string; text: string }> {
  const folder = await newFolder();
  const packages = join(folder, 'lib', 'site-packages');
  await mkdir(packages, { recursive: true });
  await writeFiles(folder, {
    [name]: `import faulthandler, os, sys, threading, time\nsys.path.append(${JSON.stringify(packages)})\nfrom helper import call\n${program}`,
    'lib/site-packages/helper.py': 'def call(work):\n    return work()\n',
  });
  const { stderr } = spawnSync('python3', ['-I', join(folder, name)], { encoding: 'utf8' });
  return { folder, text: stderr };
}

const DUMP = 'lambda: faulthandler.dump_traceback(all_threads=True)';

test.each<[string, string, string, number, string]>([
  ['the call that is innermost', 'scene.py', `def construct():\n    call(${DUMP})\nconstruct()\n`, 5, '<lambda>'],
  [
    'a call through a package',
    'scene.py',
    `def construct():\n    call(faulthandler.dump_traceback)\nconstruct()\n`,
    5,
    'construct',
  ],
  ['a file with another name', 'szene ü "1" 🐎.py', 'def f(): faulthandler.dump_traceback()\nf()\n', 4, 'f'],
  [
    'the main thread, whatever others do',
    'scene.py',
    `def other(): time.sleep(1000)
threading.Thread(target=other, daemon=True).start()
time.sleep(0.2)
faulthandler.dump_traceback()
sys.stderr.flush()
os._exit(0)
`,
    7,
    '<module>',
  ],
])('names %s', async (_, name, program, line, inside) => {
  const { folder, text } = await dumped(name, program);
  expect(standpoint(text, [folder], [])).toEqual({ file: join(folder, name), line, name: inside });
  expect(standpoint(text, [join(folder, 'elsewhere')], [])).toBeUndefined();
  expect(standpoint(text, [folder], [folder])).toBeUndefined();
});

test.each([
  '',
  'Fatal Python error: Segmentation fault\n\n',
  'Thread 0x1 (most recent call first):\n  <no Python frame>\n',
])('names nothing where nothing is told: %j', (text) => {
  expect(standpoint(text, ['/'], [])).toBeUndefined();
});
