import { type Place, UserError } from '../errors.js';

/** Something a check found in the sources of a project. */
export interface Finding {
  /** `error`: the scene cannot be rendered. `warning`: it may fail, or not be what its author wants. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly place: Place;
  readonly hint: string;
  /** The scene it belongs to; undefined where it belongs to the project as a whole. */
  readonly sceneId?: string;
}

/** A finding as an error that the build can fail with. */
export function errorOf({ message, place, hint }: Finding): UserError {
  return new UserError(message, { place, hint });
}

/** The same findings without repeats: a module that several scenes import is wrong once, not once for each of them. */
export function withoutRepeats<T extends { readonly message: string; readonly place?: Place | undefined }>(
  findings: readonly T[],
): T[] {
  return [...new Map(findings.map((found) => [JSON.stringify([found.message, found.place]), found])).values()];
}
