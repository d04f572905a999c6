#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { runAction } from './action.js';
import { build } from './build.js';
import { UserError } from './errors.js';
import { terminalHost } from './host.js';
import { INPUTS, type InputName, readOptions } from './inputs.js';

const inputNames = Object.keys(INPUTS) as InputName[];
const flags = Object.fromEntries(inputNames.map((name) => [name, { type: 'string' }])) as Record<
  InputName,
  { type: 'string' }
>;

function usage(): string {
  const rows = inputNames
    .filter((name) => name !== 'project')
    .map(
      (name) =>
        `  --${name} VALUE\n      ${INPUTS[name].description}${INPUTS[name].default ? ` Default: ${INPUTS[name].default}.` : ''}`,
    );
  return `flaming-horse build PROJECT [OPTION ...]: build the narrated video of a project folder\n\n${rows.join('\n')}\n  --verbose\n      Tell details.\n`;
}

async function main(argv: string[]): Promise<void> {
  const parsed = (() => {
    try {
      return parseArgs({
        args: argv,
        options: { ...flags, verbose: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
        allowPositionals: true,
      });
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n\n${usage()}`);
      process.exit(2);
    }
  })();
  const { values, positionals } = parsed;
  const [command, project, ...rest] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(usage());
    return;
  }
  const raw = (name: InputName): string | undefined => (name === 'project' ? project : values[name]);
  const host = terminalHost(raw, values.verbose === true);
  await runAction(async (_, signal) => {
    if (command !== 'build')
      throw new UserError(`unknown command "${command}"`, { hint: 'The command is build; see --help.' });
    if (rest.length > 0) throw new UserError(`one project at a time: "${rest.join(' ')}" is too much`);
    const report = await build(readOptions(raw, host), host, signal);
    if (report.video) process.stdout.write(`${report.video}\n`);
  }, host);
}

await main(process.argv.slice(2));
