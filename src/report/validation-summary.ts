import type { UserError } from '../errors.js';
import { count } from './summary.js';
import { markdown } from './text.js';

/** What `validate-only` found, as Markdown. `at`: a place as a person reads it. */
export function validationSummary(
  projectName: string,
  scenes: number,
  errors: readonly UserError[],
  notes: readonly string[],
  at: (error: UserError) => string,
): string {
  const verdict = errors.length === 0 ? 'passed' : 'failed';
  return [
    `## ${markdown(projectName)}: the checks ${verdict}`,
    '',
    `${count(scenes, 'scene')}, ${count(errors.length, 'error')}, ${count(notes.length, 'warning')}.`,
    '',
    ...errors.map(
      (error) => `- error: ${at(error)}${markdown(error.message)}${error.hint ? ` (${markdown(error.hint)})` : ''}`,
    ),
    ...notes.map((text) => `- warning: ${markdown(text)}`),
  ].join('\n');
}
