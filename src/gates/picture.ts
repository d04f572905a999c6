import { childrenOf, textOf } from '../project/python-source.js';
import { type Check, findingAt } from './check.js';

/** The largest side that x264 encodes, in pixels. */
const LARGEST_SIDE = 16384;

const OPTION = /^(?:\w+\.)?config(?:\.(\w+)|\[\s*["'](\w+)["']\s*\])$/;

/** Sizes and frame rates that no video has. `keepsSize`: the picture is made at the size that the scene sets. */
export const pictureSize =
  (keepsSize: boolean): Check =>
  (under) =>
    under.sources.flatMap(({ reading, severityAt }) =>
      childrenOf(reading.source.tree.topNode).flatMap((statement) => {
        const { firstChild, lastChild } = statement;
        if (statement.name !== 'AssignStatement' || !firstChild || !lastChild) return [];
        const match = OPTION.exec(textOf(reading.source, firstChild));
        const option = match?.[1] ?? match?.[2] ?? '';
        const written = textOf(reading.source, lastChild).replaceAll('_', '');
        if (!/^-?\d+(\.\d+)?$/.test(written)) return [];
        const problem = problemOf(option, Number(written), keepsSize);
        if (!problem) return [];
        return [
          findingAt(
            under,
            severityAt(statement.from),
            reading.placeOf(statement.from),
            `${option} is ${written}: ${problem}`,
            option === 'frame_rate' ? 'Use a frame rate such as 30 or 60.' : 'Use an even number of pixels.',
          ),
        ];
      }),
    );

function problemOf(option: string, value: number, keepsSize: boolean): string | undefined {
  if (option === 'frame_rate') {
    if (value <= 0) return 'a video needs frames';
    return keepsSize && value > 1000 ? 'no player shows so many frames a second' : undefined;
  }
  if (option !== 'pixel_width' && option !== 'pixel_height') return undefined;
  if (value <= 0) return 'a picture needs pixels';
  if (!Number.isInteger(value)) return 'a picture has whole pixels';
  if (!keepsSize) return undefined;
  if (value % 2 !== 0) return 'x264 needs even numbers of pixels';
  return value > LARGEST_SIDE ? `x264 takes up to ${LARGEST_SIDE}` : undefined;
}
