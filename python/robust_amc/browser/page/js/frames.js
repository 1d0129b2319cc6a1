/**
 * The layout of frames, as robust_amc.frames has it: one after the other in a Float32Array, of
 * each first all I, then all Q.
 */

const NEARLY = 0.01; // of a frame's amplitude: as close to its scaling counts as scaled

/** @typedef {{iq: Float32Array, label: Int32Array, snrDb: Float32Array}} Frames
 * `count` frames: samples, true classes (-1: not known) and SNR in dB of each */

/**
 * @param {Float32Array} iq
 * @returns {number} ‖x‖²
 */
export function energy(iq) {
  let sum = 0;
  for (const value of iq) sum += value * value;
  return sum;
}

/**
 * Scale a frame in place, unless it is scaled already or has no energy.
 * @param {Float32Array} frame
 * @param {string} scaling "sum_abs": the magnitudes of its samples add up to 1; "none"
 */
export function scaleWhereNeeded(frame, scaling) {
  if (scaling !== "sum_abs") return;
  const length = frame.length / 2;
  let total = 0;
  for (let i = 0; i < length; i++) total += Math.hypot(frame[i], frame[length + i]);
  if (!(total > 0 && total < Infinity) || Math.abs(1 / total - 1) <= NEARLY) return;
  for (let i = 0; i < frame.length; i++) frame[i] /= total;
}

/**
 * Frames of a stream of samples, I and Q in turn.
 * @param {Float32Array} samples 2·length·n values
 * @param {number} length samples a frame
 * @returns {Float32Array}
 */
export function fromInterleaved(samples, length) {
  const iq = new Float32Array(samples.length);
  for (let start = 0; start < samples.length; start += 2 * length) {
    for (let i = 0; i < length; i++) {
      iq[start + i] = samples[start + 2 * i];
      iq[start + length + i] = samples[start + 2 * i + 1];
    }
  }
  return iq;
}
