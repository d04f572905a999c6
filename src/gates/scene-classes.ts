import { placeOf } from '../project/python-source.js';
import { findClass } from '../project/scene-class.js';
import { type Check, findingAt } from './check.js';

/** A file with several scenes, of which the state names none. */
export const severalScenes: Check = (under) => {
  const { className, otherClasses, source, fileName } = under.scene;
  const found = otherClasses && findClass(className, [source]);
  if (!found) return [];
  const names = [className, ...otherClasses].join(', ');
  return [
    findingAt(
      under,
      'warning',
      placeOf(source, { from: found.at }),
      `${fileName} has several scenes (${names}): ${className} is taken`,
      'Name the one that is meant as "class_name" of the scene in project_state.json.',
    ),
  ];
};
