// Bundles the compiled sources (tsc puts them in build/) into dist/bundle, once for all entries, and writes the entries: files of
// two lines beside it. The same sources give the same bytes.
//
//   npm run bundle [-- --out FOLDER]
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const entries = ['main', 'plan', 'cli', 'cache'];
const ncc = join(root, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js');
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

// beside build/, so that modules are found, and so that paths inside the bundle do not depend on where it is made
const scratch = await mkdtemp(join(root, 'build', '.bundle-'));
try {
  await promisify(execFile)(process.execPath, [
    ncc,
    'build',
    join(root, 'build', 'index.js'),
    '--out',
    join(scratch, 'bundle'),
    ...options,
  ]);
  const target = resolve(values.out);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await cp(join(scratch, 'bundle'), join(target, 'bundle'), { recursive: true });
  for (const entry of entries) {
    const text = `#!/usr/bin/env node\nimport { ${entry} } from './bundle/index.js';\n\nawait ${entry}();\n`;
    await writeFile(join(target, `${entry}.js`), text, { mode: entry === 'cli' ? 0o755 : 0o644 });
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
