/**
 * White-box l2 PGD, as robust_amc.attacks has it: normalized gradient steps, projection on the
 * ball, and a frame is left alone once a wrong class is decided and accepted.
 *
 * A first descent on the system's own objective, then on the frames that are left a shorter one
 * on the network's, from where the first has ended. `htrd evaluate` tries more.
 */

const STEP_SIZE = 2.5; // length of a path, in units of ε
const LATER = 0.3; // share of the steps that the second descent takes
const SHRINK = 1 - 1e-6; // keeps the rounding of x + δ inside the ball
const OWN = [1, 0]; // weights of the objectives
const NETWORK = [0, 1];

/** @typedef {{label: Int32Array, scores: Float32Array, gradient: Float32Array}} Outputs */
/** @typedef {(iq: Float32Array, target: Int32Array, mix: number[]) => Promise<Outputs>} Evaluate */
/** @typedef {{iq: Float32Array, label: Int32Array, scores: Float32Array}} Attacked */

/**
 * @param {Evaluate} evaluate
 * @param {Float32Array} clean frames
 * @param {Int32Array} target the class of each that the attack moves away from
 * @param {Float32Array} radius ε of each
 * @param {number} steps
 * @returns {Promise<Attacked>} what each frame became, and what is decided of it
 */
export async function whiteBox(evaluate, clean, target, radius, steps) {
  const attack = { evaluate, clean, target, radius, iq: clean.slice(), label: null, scores: null };
  const left = await descend(attack, [...target.keys()], { steps, mix: OWN, decay: false });
  const short = { steps: Math.ceil(LATER * steps), mix: NETWORK, decay: true };
  await descend(attack, left, short);
  return { iq: attack.iq, label: attack.label, scores: attack.scores };
}

/**
 * Noise of the same energy, what an attack has to be better than.
 * @param {Float32Array} clean frames
 * @param {Float32Array} radius ε of each
 * @returns {Float32Array}
 */
export function withNoise(clean, radius) {
  const size = clean.length / radius.length;
  const noise = Float32Array.from(clean, normal);
  const iq = clean.slice();
  for (let row = 0; row < radius.length; row++) {
    const own = noise.subarray(row * size, (row + 1) * size);
    const gain = (radius[row] * SHRINK) / norm(own);
    for (let i = 0; i < size; i++) iq[row * size + i] += gain * own[i];
  }
  return iq;
}

/**
 * One descent of the frames `rows`, from where they are.
 * @returns {Promise<number[]>} those that are not won
 */
async function descend(attack, rows, { steps, mix, decay }) {
  const size = attack.clean.length / attack.target.length;
  for (let step = 0; step <= steps && rows.length; step++) {
    const found = await attack.evaluate(
      gather(attack.iq, rows, size),
      Int32Array.from(rows, (row) => attack.target[row]),
      mix,
    );
    keep(attack, rows, found);
    const left = [...rows.keys()].filter((place) => !isWon(found.label[place], attack, rows[place]));
    if (step < steps) {
      const weight = decay ? (2 * (steps - step)) / (steps + 1) : 1;
      for (const place of left) {
        const gradient = found.gradient.subarray(place * size, (place + 1) * size);
        move(attack, rows[place], gradient, (STEP_SIZE / steps) * weight);
      }
    }
    rows = left.map((place) => rows[place]);
  }
  return rows;
}

const isWon = (label, attack, row) => label >= 0 && label !== attack.target[row];

function gather(iq, rows, size) {
  const picked = new Float32Array(rows.length * size);
  rows.forEach((row, place) => picked.set(iq.subarray(row * size, (row + 1) * size), place * size));
  return picked;
}

/** Note what was decided of the frames `rows`. */
function keep(attack, rows, found) {
  const classes = found.scores.length / rows.length;
  attack.label ??= new Int32Array(attack.target.length);
  attack.scores ??= new Float32Array(attack.target.length * classes);
  rows.forEach((row, place) => {
    attack.label[row] = found.label[place];
    const own = found.scores.subarray(place * classes, (place + 1) * classes);
    attack.scores.set(own, row * classes);
  });
}

/** One step of `length` times ε against the gradient, and back into the ball. */
function move(attack, row, gradient, length) {
  const size = gradient.length;
  const clean = attack.clean.subarray(row * size, (row + 1) * size);
  const iq = attack.iq.subarray(row * size, (row + 1) * size);
  const radius = attack.radius[row];
  const gain = (length * radius) / Math.max(norm(gradient), 1e-30);
  const delta = clean.map((value, i) => iq[i] - gain * gradient[i] - value);
  const shrink = Math.min(1, (radius * SHRINK) / Math.max(norm(delta), 1e-30));
  for (let i = 0; i < size; i++) iq[i] = clean[i] + shrink * delta[i];
}

function norm(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** A standard normal number, by Box and Muller. */
const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
