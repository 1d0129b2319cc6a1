/** A receiver: a model that decides frames, under attack if you like, in a thread of its own. */

/** @typedef {import("./attack.js").Attacked} Attacked */

// One for all: they share the runtime
const worker = new Worker(new URL("receiver_worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let asked = 0;

/**
 * Threads to compute with: those need shared memory, which a page has that is cut off from others.
 * They wait for each other in loops, so half of the processors are left to what else is running.
 */
export const threads = () =>
  crossOriginIsolated ? Math.max(1, Math.min(4, Math.floor(navigator.hardwareConcurrency / 2))) : 1;

worker.addEventListener("message", ({ data: { id, result, problem } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  problem === undefined ? resolve(result) : reject(new Error(problem));
});
worker.addEventListener("error", ({ message }) => {
  for (const { reject } of waiting.values()) reject(new Error(message ?? "its thread does not start"));
  waiting.clear();
});

export class Receiver {
  /** @param {string} name of a shipped model */
  constructor(name) {
    this.name = name;
  }

  /** Fetch the model; what its file says of it is then `this.model`. */
  async load() {
    this.model = await this.#ask("load", { threads: threads() });
    return this;
  }

  /**
   * Decide frames, which the attacker changes before.
   * @param {object} details
   * @param {Float32Array} details.iq frames, scaled as the model expects
   * @param {Int32Array} details.label true classes; where it is -1, the attack takes the class that
   *   the receiver itself finds likeliest
   * @param {Float32Array} details.radius ε of each
   * @param {"none" | "noise" | "white-box"} details.attack
   * @param {number} details.steps of the attack
   * @returns {Promise<{clean: {label: Int32Array, scores: Float32Array}, received: Attacked}>} what
   *   is decided without attack, and what is received and decided under it; -1: rejected
   */
  receive(details) {
    return this.#ask("receive", details);
  }

  /**
   * @param {Float32Array} iq frames
   * @param {number} count of them
   * @returns {Promise<{label: Int32Array, scores: Float32Array}>}
   */
  decide(iq, count) {
    return this.#ask("decide", { iq, count });
  }

  /**
   * @param {Float32Array} iq frames
   * @param {Int32Array} target the class of each that an attack moves away from
   * @param {number[]} mix weights of the objectives
   * @returns {Promise<import("./attack.js").Outputs>}
   */
  gradient(iq, target, mix) {
    return this.#ask("gradient", { iq, target, mix });
  }

  #ask(request, details) {
    return new Promise((resolve, reject) => {
      const id = asked++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, name: this.name, request, details });
    });
  }
}
