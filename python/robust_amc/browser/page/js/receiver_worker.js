/** The side of the receivers that computes, in a thread of its own. */

import { whiteBox, withNoise } from "./attack.js";
import { Model } from "./model.js";

const NONE = [0, 0]; // no objective: only the decision is wanted

/** @type {Map<string, Model>} */
const models = new Map();

/** What a Receiver may ask, of the model with its name. */
const requests = {
  async load(name, { threads }) {
    models.set(name, await Model.load(name, threads));
    return models.get(name).document;
  },

  async decide(name, { iq, count }) {
    const { label, scores } = await models.get(name).evaluate(iq, new Int32Array(count), NONE);
    return { label, scores };
  },

  async gradient(name, { iq, target, mix }) {
    return models.get(name).evaluate(iq, target, mix);
  },

  async receive(name, { iq, label, radius, attack, steps }) {
    const decide = (frames) => requests.decide(name, { iq: frames, count: label.length });
    const clean = await decide(iq);
    if (attack === "none") return { clean, received: { iq, ...clean } };
    if (attack === "noise") {
      const noisy = withNoise(iq, radius);
      return { clean, received: { iq: noisy, ...(await decide(noisy)) } };
    }
    const model = models.get(name);
    const target = label.map((own, row) => (own < 0 ? likeliest(clean.scores, row, model) : own));
    const evaluate = (...inputs) => model.evaluate(...inputs);
    return { clean, received: await whiteBox(evaluate, iq, target, radius, steps) };
  },
};

/** The class of the largest score, whether or not it is accepted. */
function likeliest(scores, row, { document: { classes } }) {
  const own = scores.subarray(row * classes.length, (row + 1) * classes.length);
  return own.indexOf(Math.max(...own));
}

let last = Promise.resolve(); // one request after the other
self.addEventListener("message", ({ data: { id, name, request, details } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, result: await requests[request](name, details) });
    } catch (error) {
      self.postMessage({ id, problem: `${name}: ${error?.message ?? error}` });
    }
  });
});
