/** Frames of what the microphone, or another sound input, hears. */

import { Downmix } from "./downmix.js";
import { fromInterleaved } from "./frames.js";

export const DECIMATION = 8; // 48 kHz become 6 kHz, 750 symbols a second of 8 samples
const MOST = 32; // frames that wait: the page shows what is heard now, and drops what it cannot

export class MicrophoneSource {
  constructor(length) {
    this.length = length;
    this.samples = new Float32Array(0); // I and Q in turn
    this.arrived = () => {};
    this.isClosed = false;
  }

  /**
   * Ask for the microphone and listen.
   * @param {number} carrierHz what is mixed to 0 Hz; null: two channels, which are I and Q
   * @param {number} length samples a frame
   */
  static async open(carrierHz, length) {
    const source = new MicrophoneSource(length);
    source.stream = await navigator.mediaDevices.getUserMedia({
      // What makes speech clearer bends a signal
      audio: {
        channelCount: carrierHz === null ? 2 : 1,
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
      },
    });
    source.context = new AudioContext();
    await source.context.audioWorklet.addModule(new URL("capture_worklet.js", import.meta.url));
    const input = source.context.createMediaStreamSource(source.stream);
    const capture = new AudioWorkletNode(source.context, "capture", { numberOfOutputs: 0 });
    const mixer = carrierHz !== null && new Downmix(carrierHz / source.context.sampleRate, DECIMATION);
    capture.port.onmessage = ({ data: [left, right = left] }) =>
      source.#push(mixer ? mixer.push(left) : interleaved(left, right));
    input.connect(capture);
    await source.context.resume();
    return source;
  }

  /** Up to `count` frames, at least one: waits until it is there. None once it is closed. */
  async next(count) {
    const size = 2 * this.length;
    while (this.samples.length < size && !this.isClosed) await new Promise((resolve) => (this.arrived = resolve));
    const taken = size * Math.min(count, Math.floor(this.samples.length / size));
    const iq = fromInterleaved(this.samples.slice(0, taken), this.length);
    this.samples = this.samples.slice(taken);
    const frames = taken / size;
    return {
      iq,
      label: new Int32Array(frames).fill(-1),
      snrDb: new Float32Array(frames).fill(NaN),
    };
  }

  close() {
    this.isClosed = true;
    this.arrived();
    this.stream.getTracks().forEach((track) => track.stop());
    this.context.close();
  }

  #push(made) {
    const most = 2 * this.length * MOST;
    const all = new Float32Array(this.samples.length + made.length);
    all.set(this.samples);
    all.set(made, this.samples.length);
    this.samples = all.length > most ? all.slice(all.length - most) : all;
    this.arrived();
  }
}

function interleaved(left, right) {
  const made = new Float32Array(2 * left.length);
  left.forEach((value, i) => made.set([value, right[i]], 2 * i));
  return made;
}
