/** The samples of a frame in the plane: as they were sent, and as the attacker made them. */

import { color, line, prepared } from "./canvas.js";

const MARGIN = 1.15; // of the largest magnitude

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} clean a frame
 * @param {Float32Array} received the same under attack
 */
export function draw(canvas, clean, received) {
  const { context, width, height } = prepared(canvas);
  const length = clean.length / 2;
  let largest = 1e-30;
  for (const frame of [clean, received]) {
    for (let i = 0; i < length; i++) largest = Math.max(largest, Math.hypot(frame[i], frame[length + i]));
  }
  const scale = Math.min(width, height) / 2 / (largest * MARGIN);
  const at = (frame, i) => [width / 2 + scale * frame[i], height / 2 - scale * frame[length + i]];
  context.strokeStyle = color("grid");
  line(context, [[0, height / 2], [width, height / 2]]);
  line(context, [[width / 2, 0], [width / 2, height]]);
  context.fillStyle = color("faint");
  context.fillText("I", width - 10, height / 2 - 6);
  context.fillText("Q", width / 2 + 6, 12);

  const places = [...Array(length).keys()];
  context.strokeStyle = color("trace");
  line(context, places.map((i) => at(clean, i)));
  context.strokeStyle = color("attack");
  context.globalAlpha = 0.55;
  for (const i of places) line(context, [at(clean, i), at(received, i)]);
  context.globalAlpha = 1;
  dots(context, places.map((i) => at(clean, i)), color("signal"), 2);
  if (clean.some((value, i) => value !== received[i])) {
    dots(context, places.map((i) => at(received, i)), color("attack"), 2.4);
  }
}

function dots(context, points, style, radius) {
  context.fillStyle = style;
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}
