import type { Place } from '../errors.js';
import { type JsonPath, nodeAt, placeOfValue } from '../json.js';
import type { ProjectState } from './state.js';

/** Where project_state.json names a field of a scene; the scene's id, or the scene itself, where it lacks the field. */
export function placeOfScene(
  { source, document }: ProjectState,
  id: string,
  field: 'id' | 'file' | 'class_name',
): Place {
  const entries = Array.isArray(document.scenes) ? document.scenes : [];
  const index = entries.findIndex(
    (entry) => typeof entry === 'object' && (entry as { id?: unknown } | null)?.id === id,
  );
  const scene: JsonPath = ['scenes', index];
  const named = [field, 'id'].find((name) => nodeAt(source.root, [...scene, name]));
  return placeOfValue(source, named === undefined ? scene : [...scene, named]);
}
