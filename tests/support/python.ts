import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Runs a program with the python3 of the machine, JSON in and JSON out. */
export function python(program: string, input: unknown): unknown {
  const { status, stdout, stderr } = spawnSync('python3', ['-I', '-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`python3: ${stderr}`);
  return JSON.parse(stdout);
}

/**
 * A python3 that answers questions for as long as the tests of the file run. `program` defines `answer(question)`; what
 * that raises fails the test.
 */
export function pythonAnswers<Question, Answer>(program: string): (question: Question) => Promise<Answer> {
  const loop = `
import json, sys, warnings
warnings.simplefilter("ignore")
${program}
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
`;
  const child = spawn('python3', ['-I', '-c', loop], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  afterAll(() => {
    child.kill('SIGKILL');
  });
  return async (question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`python3 ended at the question ${JSON.stringify(question)}`);
    return JSON.parse(value) as Answer;
  };
}
