/**
 * Power spectrum of a frame under a Hann window, 0 Hz in the middle.
 * @param {Float32Array} frame all I, then all Q; a power of two of samples
 * @returns {Float64Array} power of each bin, from the lowest frequency to the highest
 */
export function spectrum(frame) {
  const length = frame.length / 2;
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / length);
    re[i] = window * frame[i];
    im[i] = window * frame[length + i];
  }
  transform(re, im);
  return Float64Array.from(re, (_, bin) => {
    const from = (bin + length / 2) % length;
    return re[from] ** 2 + im[from] ** 2;
  });
}

/** The discrete Fourier transform in place, by radix 2. */
function transform(re, im) {
  const length = re.length;
  for (let i = 0, j = 0; i < length; i++) {
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
    let bit = length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
  }
  for (let size = 2; size <= length; size *= 2) {
    for (let start = 0; start < length; start += size) {
      for (let k = 0; k < size / 2; k++) {
        const angle = (-2 * Math.PI * k) / size;
        const [a, b] = [start + k, start + k + size / 2];
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        [re[a], im[a]] = [re[a] + x, im[a] + y];
      }
    }
  }
}
