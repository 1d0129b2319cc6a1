/** A model that decides frames and has a gradient: its graph in ONNX Runtime Web. */

import * as ort from "../onnxruntime-web/ort.wasm.min.mjs";
import { parse } from "./safetensors.js";

const BATCH = 16; // frames in one run, so that feature maps stay small
const ROOT = new URL("../", import.meta.url);

ort.env.wasm.wasmPaths = new URL("onnxruntime-web/", ROOT).href;
export class Model {
  /**
   * @param {ort.InferenceSession} session
   * @param {import("./safetensors.js").Model} document
   */
  constructor(session, document) {
    this.session = session;
    this.document = document;
    // As in the library: without a rejector nothing is rejected
    this.threshold = document.rejector ? document.rejector.threshold : -Infinity;
  }

  /**
   * Fetch a shipped model and its graph, which takes its weights from the model file.
   * @param {string} name
   * @param {number} threads to compute with; that of the first model counts
   * @returns {Promise<Model>}
   */
  static async load(name, threads) {
    ort.env.wasm.numThreads = threads;
    const [graph, file] = await Promise.all([
      bytes(`graphs/${name}.onnx`),
      bytes(`models/${name}.safetensors`),
    ]);
    const { tensors, document } = parse(file);
    const externalData = [...tensors].map(([path, data]) => ({ path, data }));
    const options = { executionProviders: ["wasm"], externalData };
    return new Model(await ort.InferenceSession.create(new Uint8Array(graph), options), document);
  }

  /**
   * Decisions of frames, and the gradient of the objectives weighted by `mix`.
   * @type {import("./attack.js").Evaluate}
   */
  async evaluate(iq, target, mix) {
    const { classes, frame_length: length } = this.document;
    const count = target.length;
    const found = {
      label: new Int32Array(count),
      scores: new Float32Array(count * classes.length),
      gradient: new Float32Array(iq.length),
    };
    for (let from = 0; from < count; from += BATCH) {
      const to = Math.min(count, from + BATCH);
      const part = await this.session.run({
        iq: new ort.Tensor("float32", iq.slice(from * 2 * length, to * 2 * length), [to - from, 2, length]),
        target: new ort.Tensor("int64", BigInt64Array.from(target.subarray(from, to), BigInt), [to - from]),
        mix: new ort.Tensor("float32", mix, [mix.length]),
        threshold: new ort.Tensor("float32", [this.threshold], []),
      });
      found.label.set(Array.from(part.label.data, Number), from);
      found.scores.set(part.scores.data, from * classes.length);
      found.gradient.set(part.gradient.data, from * 2 * length);
    }
    return found;
  }
}

/** @returns {Promise<ArrayBuffer>} a file of the page */
async function bytes(path) {
  const answer = await fetch(new URL(path, ROOT));
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
