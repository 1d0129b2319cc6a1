/** Real samples to complex ones around a carrier, at a lower rate. */

const TAPS = 8; // of the low-pass filter, in samples of the lower rate

export class Downmix {
  /**
   * @param {number} carrier in cycles a sample
   * @param {number} decimation
   */
  constructor(carrier, decimation) {
    this.carrier = carrier;
    this.decimation = decimation;
    this.taps = lowPass(decimation);
    this.rest = new Float32Array(2 * (this.taps.length - 1)); // mixed already
    this.phase = 0; // cycles
    this.next = 0; // where the next output begins
  }

  /**
   * @param {Float32Array} real
   * @returns {Float32Array} I and Q in turn
   */
  push(real) {
    const mixed = new Float32Array(this.rest.length + 2 * real.length);
    mixed.set(this.rest);
    real.forEach((value, i) => {
      const at = this.rest.length + 2 * i;
      mixed[at] = value * Math.cos(2 * Math.PI * this.phase);
      mixed[at + 1] = -value * Math.sin(2 * Math.PI * this.phase);
      this.phase = (this.phase + this.carrier) % 1;
    });
    const made = [];
    const last = mixed.length / 2 - this.taps.length;
    for (; this.next <= last; this.next += this.decimation) {
      let i = 0;
      let q = 0;
      this.taps.forEach((tap, k) => {
        i += tap * mixed[2 * (this.next + k)];
        q += tap * mixed[2 * (this.next + k) + 1];
      });
      made.push(i, q);
    }
    const kept = Math.min(this.next, mixed.length / 2);
    this.rest = mixed.slice(2 * kept);
    this.next -= kept;
    return Float32Array.from(made);
  }
}

/** A windowed sinc that passes 0.4 of the lower rate on each side; gain 2, for half was mixed away. */
function lowPass(decimation) {
  const half = TAPS * decimation;
  const taps = Array.from({ length: 2 * half + 1 }, (_, k) => {
    const time = (k - half) / decimation;
    const sinc = time === 0 ? 1 : Math.sin(0.8 * Math.PI * time) / (0.8 * Math.PI * time);
    return sinc * (0.5 + 0.5 * Math.cos((Math.PI * (k - half)) / (half + 1)));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return Float32Array.from(taps, (tap) => (2 * tap) / sum);
}
