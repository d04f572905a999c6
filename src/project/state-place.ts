import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import type { Place } from '../errors.js';
import type { ProjectState } from './state.js';

/** Where project_state.json names a field of a scene; the scene itself where it lacks the field. */
export function placeOfScene(state: ProjectState, id: string, field: 'id' | 'file' | 'class_name'): Place {
  const tree = parseTree(state.text);
  const scenes = tree && findNodeAtLocation(tree, ['scenes']);
  const scene = scenes?.children?.find((entry) => valueAt(entry, 'id') === id);
  const node = scene && (findNodeAtLocation(scene, [field]) ?? findNodeAtLocation(scene, ['id']) ?? scene);
  const offset = node?.offset ?? scenes?.offset ?? 0;
  return { file: state.path, line: state.text.slice(0, offset).split('\n').length };
}

function valueAt(scene: Node, field: string): string | undefined {
  const value: unknown = findNodeAtLocation(scene, [field])?.value;
  return value === undefined ? undefined : String(value);
}
