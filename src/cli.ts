import { parseArgs } from 'node:util';
import { runAction } from './action.js';
import { build } from './build.js';
import { UserError } from './errors.js';
import { terminalHost } from './host.js';
import { INPUTS, type InputName, readOptions } from './inputs.js';
import { jsonText, logText } from './report/text.js';
import { projectStatus, statusText } from './status.js';
import { validate } from './validate.js';

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
  return `flaming-horse build PROJECT [OPTION ...]   build the narrated video of a project folder
flaming-horse validate PROJECT [OPTION ...] check it and build nothing; --validate-only deep runs each scene, too
flaming-horse status PROJECT [OPTION ...]  tell what a build would reuse, and why not the rest

${rows.join('\n')}
  --json
      With status: for machines.
  --verbose
      Tell details.
`;
}

/** The command line: `flaming-horse build PROJECT`, `flaming-horse status PROJECT`. */
export async function cli(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const parsed = (() => {
    try {
      return parseArgs({
        args: [...argv],
        options: {
          ...flags,
          verbose: { type: 'boolean' },
          json: { type: 'boolean' },
          help: { type: 'boolean', short: 'h' },
        },
        allowPositionals: true,
      });
    } catch (error) {
      process.stderr.write(`${logText((error as Error).message)}\n\n${usage()}`);
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
    if (rest.length > 0) throw new UserError(`one project at a time: "${rest.join(' ')}" is too much`);
    const options = readOptions(raw, host);
    if (command === 'validate' || (command === 'build' && options.validateOnly !== 'false')) {
      await validate(options, host, signal);
    } else if (command === 'build') {
      const report = await build(options, host, signal);
      if (report.video) process.stdout.write(`${logText(report.video)}\n`);
    } else if (command === 'status') {
      const status = await projectStatus(options, host);
      process.stdout.write(values.json ? `${jsonText(status)}\n` : statusText(status));
    } else {
      throw new UserError(`unknown command "${command}"`, {
        hint: 'The commands are build, validate and status; see --help.',
      });
    }
  }, host);
}
