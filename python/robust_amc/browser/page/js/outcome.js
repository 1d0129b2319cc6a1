/** What became of frames: right, rejected or wrong, and how many of each. */

export const RIGHT = "right";
export const REJECTED = "rejected";
export const WRONG = "wrong";

/**
 * @param {number} label decided, -1: rejected
 * @param {number} truth
 */
export function outcome(label, truth) {
  if (label < 0) return REJECTED;
  return label === truth ? RIGHT : WRONG;
}

/** Counts of outcomes, and the last of them. */
export class Tally {
  /** @param {number} most how many of the last outcomes are kept */
  constructor(most) {
    this.most = most;
    this.clear();
  }

  clear() {
    this.counts = { [RIGHT]: 0, [REJECTED]: 0, [WRONG]: 0 };
    this.last = [];
  }

  /** @param {string} found an outcome */
  add(found) {
    this.counts[found]++;
    this.last.push(found);
    if (this.last.length > this.most) this.last.shift();
  }

  get total() {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** The paper's robust accuracy: right or rejected; NaN without a frame. */
  get robustAccuracy() {
    return (this.counts[RIGHT] + this.counts[REJECTED]) / this.total;
  }
}
