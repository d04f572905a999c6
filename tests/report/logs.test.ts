import fc from 'fast-check';
import type { Log } from '../../src/log.js';
import { runnerLog, terminalLog } from '../../src/report/logs.js';
import { commandIn, isWellFormed, linesOfRunner, steersTerminal } from '../support/readers.js';

const EVIL = 'x\r\n::add-mask::a\r##[error]b\n\u200b::set-output name=video::c\x1b[2J\x1b]0;t\x07';

/** Everything that a log writes to a stream while it is used. */
function written(stream: 'stdout' | 'stderr', use: () => void): string {
  const real = process[stream].write;
  let text = '';
  process[stream].write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    use();
    return text;
  } finally {
    process[stream].write = real;
  }
}

const onRunner = (use: (log: Log) => void): string => written('stdout', () => use(runnerLog('/w')));
const onTerminal = (use: (log: Log) => void): string => written('stderr', () => use(terminalLog(true)));
/** The lines that a runner takes for commands, without what they say. */
const commands = (output: string): string[] =>
  linesOfRunner(output)
    .filter(commandIn)
    .map((line) => line.replace(/::.*$/s, '').trim() || (/^\s*::([\w-]+)/.exec(line)?.[1] ?? line));

describe('on a runner', () => {
  test('only our own commands are commands, whatever is told', () => {
    const output = onRunner((log) => {
      log.info(EVIL);
      log.debug(EVIL);
      log.warning(EVIL, { file: `/w/${EVIL}`, line: 3 });
      log.error(EVIL, { file: `/w/${EVIL}` });
      log.group(EVIL, [EVIL, EVIL]);
    });
    expect(commands(output)).toEqual(['debug', 'warning', 'error', 'group', 'endgroup']);
    expect(steersTerminal(output)).toBe(false);
  });

  test('what comes after the tenth annotation of a kind is no command', () => {
    const output = onRunner((log) => {
      for (let index = 0; index < 15; index++) log.warning(`${EVIL}${index}`, { file: `/w/${EVIL}`, line: index });
    });
    expect(commands(output)).toEqual(Array.from({ length: 10 }, () => 'warning'));
    expect(output).toContain('14');
  });

  test('any text as message, name and line', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(EVIL, '::', '##[', '%0A::error::', ',line=9', ':'),
    );
    fc.assert(
      fc.property(text, text, (message, name) => {
        const output = onRunner((log) => {
          log.info(message);
          log.warning(message, { file: `/w/${name}` });
          log.group(name, [message]);
        });
        expect(commands(output)).toEqual(['warning', 'group', 'endgroup']);
        expect(isWellFormed(output)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('an annotation names its file and line, relative to the workspace, and the file as it is outside', () => {
    expect(onRunner((log) => log.error('m: 100%\nn', { file: '/w/a,b:c.py', line: 3 }))).toBe(
      '::error file=a%2Cb%3Ac.py,line=3::m: 100%25%0An\n',
    );
    expect(onRunner((log) => log.warning('m', { file: '/else/a.py' }))).toBe('::warning file=/else/a.py::m\n');
  });

  test('a finding is told once for its place', () => {
    const output = onRunner((log) => {
      for (const line of [1, 1, 2, 1]) log.warning('same', { file: '/w/a.py', line });
      log.error('same', { file: '/w/a.py', line: 1 });
      log.info('said twice');
      log.info('said twice');
    });
    expect(linesOfRunner(output)).toEqual([
      '::warning file=a.py,line=1::same',
      '::warning file=a.py,line=2::same',
      '::error file=a.py,line=1::same',
      'said twice',
      'said twice',
      '',
    ]);
  });
});

describe('on a terminal', () => {
  test('nothing steers it, and a runner that reads it finds no command', () => {
    const output = onTerminal((log) => {
      for (const tell of [log.info, log.debug, log.warning, log.error]) tell(EVIL);
      log.warning(EVIL, { file: EVIL, line: 1 });
      log.group(EVIL, [EVIL]);
    });
    expect(steersTerminal(output)).toBe(false);
    expect(commands(output)).toEqual([]);
  });

  test('an error has its place in front, and without a line none is made up', () => {
    expect(onTerminal((log) => log.error('m', { file: `${process.cwd()}/a/b.py`, line: 7 }))).toBe(
      'a/b.py:7: error: m\n',
    );
    expect(onTerminal((log) => log.error('m', { file: '/else/b.py' }))).toBe('/else/b.py: error: m\n');
  });
});
