/** Model files of robust_amc: safetensors, with one JSON document beside the tensors. */

const DOCUMENT = "htrd"; // its name in the metadata

/** @typedef {{classes: string[], frame_length: number, scaling: string,
 *   rejector?: {kind: string, threshold: number}}} Model what a model file says of itself */

/**
 * @param {ArrayBuffer} buffer a whole file
 * @returns {{tensors: Map<string, Uint8Array>, document: Model}} the bytes of each tensor
 */
export function parse(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const begin = 8 + length;
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...entries } = header;
  const tensors = new Map(
    Object.entries(entries).map(([name, { data_offsets: [from, to] }]) => [
      name,
      new Uint8Array(buffer, begin + from, to - from),
    ]),
  );
  return { tensors, document: JSON.parse(metadata[DOCUMENT]) };
}
