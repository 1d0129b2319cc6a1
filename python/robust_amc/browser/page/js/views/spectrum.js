/** Spectra of what is received and of the perturbation in it, averaged over the last frames. */

import { spectrum } from "../fft.js";
import { toDb } from "../power.js";
import { color, line, prepared } from "./canvas.js";

const KEPT = 0.9; // of the average, at each frame
const RANGE = 60; // dB
const BOTTOM = 18; // pixels below the plot

export class SpectrumView {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    this.received = this.perturbation = null;
  }

  /**
   * @param {Float32Array} clean a frame
   * @param {Float32Array} received the same under attack
   */
  add(clean, received) {
    if (!received.every(Number.isFinite)) return; // it would stay in the average for ever
    this.received = averaged(this.received, spectrum(received));
    this.perturbation = averaged(this.perturbation, spectrum(received.map((value, i) => value - clean[i])));
  }

  draw() {
    const { context, width, height } = prepared(this.canvas);
    const floor = height - BOTTOM;
    context.strokeStyle = color("grid");
    context.fillStyle = color("faint");
    context.textAlign = "center";
    for (const [share, name] of [[0, "−½"], [0.25, "−¼"], [0.5, "0"], [0.75, "¼"], [1, "½"]]) {
      line(context, [[share * width, 0], [share * width, floor]]);
      context.fillText(name, Math.min(width - 10, Math.max(10, share * width)), height - 4);
    }
    context.textAlign = "left";
    if (!this.received) return;
    const top = toDb(Math.max(...this.received, 1e-30)) + 3;
    this.#curve(context, this.received, top, width, floor, color("signal"), 1.6);
    if (Math.max(...this.perturbation) > 0) {
      this.#curve(context, this.perturbation, top, width, floor, color("attack"), 1.6);
    }
    context.fillStyle = color("faint");
    for (const below of [20, 40]) context.fillText(`−${below} dB`, 4, (below / RANGE) * floor + 4);
  }

  #curve(context, power, top, width, floor, style, thickness) {
    context.strokeStyle = style;
    context.lineWidth = thickness;
    const points = Array.from(power, (value, bin) => [
      (bin / power.length) * width,
      Math.min(floor, ((top - toDb(value + 1e-30)) / RANGE) * floor),
    ]);
    line(context, points);
    context.lineWidth = 1;
  }
}

const averaged = (before, now) =>
  before ? before.map((value, bin) => KEPT * value + (1 - KEPT) * now[bin]) : now;
