import { childEnvironment, run } from '../src/process.js';

/** Writes so much, by chunks of a million bytes. */
const write = (descriptor: number, chunk: string, millions: number): string =>
  `import os\nchunk = (${chunk})[:1000000]\nfor _ in range(${millions}):\n    data = chunk\n    while data: data = data[os.write(${descriptor}, data):]\n`;

test.each([
  ['700 MB without a line end', 1, 'b"x" * 1000000'],
  ['700 MB in lines', 1, 'b"a line of output\\n" * 60000'],
  ['700 MB of empty lines', 2, 'b"\\n" * 1000000'],
  ['700 MB of an event', 3, 'b"x" * 1000000'],
  ['700 MB of events', 3, `b'{"event": "frames", "frames": 1}\\n' * 40000`],
])('%s are read in bounded memory, and the process stays responsive', async (_, descriptor, chunk) => {
  let [highest, ticks] = [0, 0];
  const timer = setInterval(() => {
    ticks += 1;
    highest = Math.max(highest, process.memoryUsage().rss);
  }, 20);
  const begun = process.memoryUsage().rss;
  const program = write(descriptor, chunk, 700);
  const finished = await run('python3', ['-c', program], { env: childEnvironment(), onEvent: () => {} });
  clearInterval(timer);
  expect(finished.status).toBe(0);
  expect(ticks).toBeGreaterThan(5);
  expect(finished.stdout.length + finished.stderr.length).toBeLessThan(5e6);
  // most of it is garbage that was not collected yet
  expect(highest - begun).toBeLessThan(400e6);
});
