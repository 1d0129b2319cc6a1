/** Drawing on a canvas in CSS pixels, in the colors of the page. */

/**
 * The context of a canvas that is as sharp as the screen, cleared, and its size in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}}
 */
export function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return { context, width, height };
}

const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

/**
 * @param {string} name of a color in style.css, such as "ink"
 * @returns {string} the color itself, light or dark as the page is
 */
export function color(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[][]} points
 */
export function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}
