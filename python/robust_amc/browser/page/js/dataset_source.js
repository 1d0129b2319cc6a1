/** Frames of a data set of robust_amc, an .npz file. */

import * as npz from "./npz.js";

export class DatasetSource {
  /** @param {object} arrays of the file, with `classes` those of the models */
  constructor({ iq, label, snr_db: snrDb, classes }, known) {
    const index = classes.values.map((name) => known.indexOf(name)); // -1: not known
    [this.count, , this.length] = iq.shape;
    this.iq = iq.values;
    this.label = Int32Array.from(label.values, (own) => index[own]);
    this.snrDb = Float32Array.from(snrDb.values);
    this.levels = [...new Set(this.snrDb)].sort((a, b) => a - b);
    this.pick({});
  }

  /**
   * @param {Blob} file
   * @param {string[]} classes of the models
   */
  static async read(file, classes) {
    return new DatasetSource(await npz.read(file, ["iq", "label", "snr_db", "classes"]), classes);
  }

  /**
   * Which frames to go through, in an order of their own, over and over.
   * @param {{snrDb?: number, label?: number}} wanted
   */
  pick({ snrDb, label }) {
    const rows = [...this.label.keys()].filter(
      (row) =>
        (snrDb === undefined || this.snrDb[row] === snrDb) &&
        (label === undefined || this.label[row] === label),
    );
    // By multiples of a number without a common factor: neighbors are of one class
    const step = coprime(rows.length);
    this.rows = rows.map((_, place) => rows[(place * step) % rows.length]);
    this.place = 0;
  }

  /** The next frames; none where no frame is as wanted. @returns {import("./frames.js").Frames} */
  async next(count) {
    count = this.rows.length ? count : 0;
    const size = 2 * this.length;
    const rows = Array.from({ length: count }, (_, i) => this.rows[(this.place + i) % this.rows.length]);
    this.place += count;
    const iq = new Float32Array(count * size);
    rows.forEach((row, i) => iq.set(this.iq.subarray(row * size, (row + 1) * size), i * size));
    return {
      iq,
      label: Int32Array.from(rows, (row) => this.label[row]),
      snrDb: Float32Array.from(rows, (row) => this.snrDb[row]),
    };
  }

  /** All frames, in the order of the file. @returns {import("./frames.js").Frames} */
  all() {
    return { iq: this.iq, label: this.label, snrDb: this.snrDb };
  }

  close() {}
}

function coprime(count) {
  const common = (a, b) => (b ? common(b, a % b) : a);
  let step = Math.max(1, Math.round(count * 0.618));
  while (common(step, count) > 1) step++;
  return step;
}
