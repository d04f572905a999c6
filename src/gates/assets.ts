import { type Check, findingAt, type SceneUnderCheck } from './check.js';
import { argumentOf, constantOf } from './reading.js';

/** What reads a file by the name it is given, with the endings that Manim adds. */
const READERS: Readonly<Record<string, { readonly argument: string; readonly endings: readonly string[] }>> = {
  ImageMobject: { argument: 'filename_or_array', endings: ['.jpg', '.jpeg', '.png', '.gif', '.ico'] },
  SVGMobject: { argument: 'file_name', endings: ['.svg'] },
  add_sound: { argument: 'sound_file', endings: ['.wav', '.mp3'] },
};

/** Images, drawings and sounds that are not there. */
export const assets: Check = (under) => {
  // the folder of assets may be another one, or the scene may make the file
  const isElsewhere = under.sources.some(({ reading }) =>
    ['assets_dir', 'chdir', 'download', 'urlretrieve', 'savefig', 'imwrite', 'save', 'write_bytes'].some((name) =>
      reading.attributes.has(name),
    ),
  );
  return under.sources.flatMap(({ reading, severityAt }) =>
    reading.calls.flatMap((call) => {
      const reader = Object.hasOwn(READERS, call.name) ? READERS[call.name] : undefined;
      if (!reader || reading.bound.has(call.name)) return [];
      const file = constantOf(reading.source, argumentOf(call, reader.argument, 0));
      if (!file || file.startsWith('~') || isThere(file, reader.endings, under)) return [];
      const isUsedElsewhere =
        under.sources.flatMap((source) => source.reading.texts).filter(({ value }) => value === file).length > 1;
      const severity = isElsewhere || isUsedElsewhere ? 'warning' : severityAt(call.node.from);
      return [
        findingAt(
          under,
          severity,
          reading.placeOf(call.node.from),
          `no file ${file} for ${call.name}`,
          'Paths are relative to the project folder. Add the file there, or correct its name.',
        ),
      ];
    }),
  );
};

function isThere(file: string, endings: readonly string[], { exists }: SceneUnderCheck): boolean {
  return ['', ...endings].some((ending) => exists(`${file}${ending}`));
}
