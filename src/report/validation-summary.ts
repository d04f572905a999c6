import type { UserError } from '../errors.js';
import { cell, count } from './summary.js';

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
    `## ${cell(projectName)}: the checks ${verdict}`,
    '',
    `${count(scenes, 'scene')}, ${count(errors.length, 'error')}, ${count(notes.length, 'warning')}.`,
    '',
    ...errors.map(
      (error) => `- error: ${at(error)}${cell(error.message)}${error.hint ? ` (${cell(error.hint)})` : ''}`,
    ),
    ...notes.map((text) => `- warning: ${cell(text)}`),
  ].join('\n');
}
