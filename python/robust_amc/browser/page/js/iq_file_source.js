/** Frames of a file of samples: raw, or a SigMF recording. */

import { fromInterleaved } from "./frames.js";
import { covering, parse } from "./sigmf.js";

/** What is read, by SigMF's names: the array of I and Q values, and what makes them ±1. */
const TYPES = {
  cf32_le: { array: Float32Array, offset: 0, full: 1 },
  ci16_le: { array: Int16Array, offset: 0, full: 32768 },
  cu8: { array: Uint8Array, offset: 127.5, full: 127.5 },
  ci8: { array: Int8Array, offset: 0, full: 128 },
};

/** The same by the endings that programs give their files. */
const ENDINGS = {
  cf32: "cf32_le", cfile: "cf32_le", fc32: "cf32_le", cs16: "ci16_le", sc16: "ci16_le",
  cu8: "cu8", cs8: "ci8", sc8: "ci8",
};

export class IqFileSource {
  /**
   * @param {Blob} data
   * @param {{datatype: string, stretches: import("./sigmf.js").Stretch[]}} facts
   * @param {{classes: string[], frame_length: number}} model
   */
  constructor(data, { datatype, stretches }, model) {
    this.type = TYPES[datatype];
    if (!this.type) throw new Error(`samples of the type ${datatype} are not read here`);
    this.data = data;
    this.stretches = stretches;
    this.classes = model.classes;
    this.length = model.frame_length;
    this.frameBytes = 2 * this.length * this.type.array.BYTES_PER_ELEMENT;
    this.count = Math.floor(data.size / this.frameBytes);
    if (!this.count) throw new Error(`it has not ${this.length} samples, which make a frame`);
    this.place = 0;
  }

  /**
   * @param {File[]} files one with raw samples, or the two of a SigMF recording
   * @param {{classes: string[], frame_length: number}} model
   */
  static async open(files, model) {
    const named = (ending) => files.find(({ name }) => name.toLowerCase().endsWith(ending));
    const meta = named(".sigmf-meta");
    const data = named(".sigmf-data");
    if (meta && data) return new IqFileSource(data, parse(await meta.text()), model);
    if (meta || data) throw new Error("choose both files of the recording, .sigmf-meta and .sigmf-data");
    const [file] = files;
    const datatype = ENDINGS[file.name.toLowerCase().split(".").pop()];
    if (!datatype) {
      throw new Error(`its name has to say what its samples are: .${Object.keys(ENDINGS).join(", .")}`);
    }
    return new IqFileSource(file, { datatype, stretches: [] }, model);
  }

  /** The next frames, from the start again after the last. */
  async next(count) {
    if (this.place >= this.count) this.place = 0;
    const first = this.place;
    this.place = Math.min(this.count, first + count);
    const bytes = this.data.slice(first * this.frameBytes, this.place * this.frameBytes);
    const { array, offset, full } = this.type;
    const raw = new array(await bytes.arrayBuffer());
    const samples = Float32Array.from(raw, (value) => (value - offset) / full);
    const truth = Array.from({ length: this.place - first }, (_, i) =>
      covering(this.stretches, (first + i) * this.length, this.length),
    );
    return {
      iq: fromInterleaved(samples, this.length),
      label: Int32Array.from(truth, (each) => (each ? this.classes.indexOf(each.label) : -1)),
      snrDb: Float32Array.from(truth, (each) => each?.snrDb ?? NaN),
    };
  }

  close() {}
}
