// Bundles the compiled entries (tsc puts them in build/) into dist/, one folder each. The same sources give the same bytes.
//
//   npm run bundle [-- --out FOLDER]
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const entries = ['main', 'plan', 'cli'];
const ncc = join(root, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js');

// beside build/, so that modules are found, and so that paths inside the bundle do not depend on where it is made
const scratch = await mkdtemp(join(root, 'build', '.bundle-'));
try {
  const made = entries.map(async (entry) => {
    const folder = join(scratch, entry);
    // no source maps: reading them at start would cost each job most of a second
    const options = [
      '--no-source-map-register',
      '--no-cache',
      '--quiet',
      '--license',
      'licenses.txt',
      '--target',
      'es2022',
    ];
    await promisify(execFile)(process.execPath, [
      ncc,
      'build',
      join(root, 'build', `${entry}.js`),
      '--out',
      folder,
      ...options,
    ]);
    return folder;
  });
  for (const folder of await Promise.all(made)) await put(folder);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** Puts a finished bundle in place of the one that was there. */
async function put(folder) {
  const target = join(resolve(values.out), folder.slice(scratch.length + 1));
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const name of await readdir(folder)) await cp(join(folder, name), join(target, name), { recursive: true });
}
