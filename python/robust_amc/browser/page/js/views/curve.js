/** Security curves: the share of frames right or rejected, by the PNR of the attack. */

import { color, line, prepared } from "./canvas.js";

const FEWEST = 4; // frames for a point
const LEFT = 42; // pixels beside the plot
const BOTTOM = 18;
const TOP = 8;
const RIGHT = 10;

export class CurveView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string[]} names of the receivers
   * @param {number[]} range of the PNR in dB
   */
  constructor(canvas, names, range) {
    this.canvas = canvas;
    this.names = names;
    this.range = range;
    this.clear();
  }

  clear() {
    this.points = new Map(this.names.map((name) => [name, new Map()]));
  }

  /**
   * @param {string} name of the receiver
   * @param {number} pnrDb
   * @param {boolean} held whether the frame was right or rejected
   */
  add(name, pnrDb, held) {
    const points = this.points.get(name);
    const point = points.get(pnrDb) ?? { held: 0, total: 0 };
    point.held += held;
    point.total++;
    points.set(pnrDb, point);
  }

  /** @param {number} pnrDb the level in force */
  draw(pnrDb) {
    const { context, width, height } = prepared(this.canvas);
    const [low, high] = this.range;
    const x = (db) => LEFT + ((db - low) / (high - low)) * (width - LEFT - RIGHT);
    const y = (share) => height - BOTTOM - share * (height - BOTTOM - TOP);
    context.strokeStyle = color("grid");
    context.fillStyle = color("faint");
    for (const share of [0, 0.5, 1]) {
      line(context, [[LEFT, y(share)], [width - RIGHT, y(share)]]);
      context.textAlign = "right";
      context.fillText(`${100 * share} %`, LEFT - 4, y(share) + 4);
    }
    context.textAlign = "center";
    for (let db = low; db <= high; db += 10) {
      line(context, [[x(db), y(0)], [x(db), y(1)]]);
      context.fillText(String(db).replace("-", "−"), x(db), height - 4);
    }
    context.strokeStyle = color("attack");
    context.setLineDash([3, 3]);
    line(context, [[x(pnrDb), y(0)], [x(pnrDb), y(1)]]);
    context.setLineDash([]);
    context.textAlign = "left";
    this.names.forEach((name, place) => {
      const points = [...this.points.get(name)]
        .filter(([, { total }]) => total >= FEWEST)
        .sort(([a], [b]) => a - b)
        .map(([db, { held, total }]) => [x(db), y(held / total)]);
      context.strokeStyle = context.fillStyle = color(`receiver-${place}`);
      context.lineWidth = 2;
      line(context, points);
      context.lineWidth = 1;
      for (const [a, b] of points) {
        context.beginPath();
        context.arc(a, b, 2.6, 0, 2 * Math.PI);
        context.fill();
      }
    });
  }
}
