/** What the metadata of a SigMF recording say of its samples. */

const START = "core:sample_start";
const COUNT = "core:sample_count";
const LABEL = "core:label";
const SNR = "capture_details:SNRdB";
const GENERATOR = "core:generator";

/** @typedef {{start: number, end: number, label: string, snrDb?: number}} Stretch of samples */

/**
 * @param {string} text a .sigmf-meta file
 * @returns {{datatype: string, stretches: Stretch[]}}
 */
export function parse(text) {
  const { global, annotations = [] } = JSON.parse(text);
  const offset = global["core:offset"] ?? 0;
  const stretches = annotations
    // What `htrd classify` decided is no truth
    .filter((each) => each[LABEL] && !String(each[GENERATOR] ?? "").startsWith("htrd classify"))
    .map((each) => ({
      start: each[START] - offset,
      end: each[COUNT] === undefined ? Infinity : each[START] - offset + each[COUNT],
      label: each[LABEL],
      snrDb: each[SNR],
    }));
  return { datatype: global["core:datatype"], stretches };
}

/**
 * The stretch that has all samples of a frame; of several, the one that begins last.
 * @param {Stretch[]} stretches
 * @param {number} first sample of the frame
 * @param {number} length
 * @returns {Stretch | undefined}
 */
export function covering(stretches, first, length) {
  return stretches
    .filter(({ start, end }) => start <= first && first + length <= end)
    .reduce((best, each) => (best && best.start > each.start ? best : each), undefined);
}
