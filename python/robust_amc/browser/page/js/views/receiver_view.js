/** The card of a receiver: its decision, its scores, what became of the last frames. */

import { REJECTED, RIGHT, Tally, WRONG, outcome } from "../outcome.js";

const LAST = 48; // frames in the strip
const WORDS = {
  known: { [RIGHT]: "right", [REJECTED]: "rejected", [WRONG]: "wrong" },
  unknown: { [RIGHT]: "as without attack", [REJECTED]: "rejected", [WRONG]: "changed" },
};

export class ReceiverView {
  /**
   * @param {HTMLElement} card
   * @param {import("../receiver.js").Receiver} receiver that is loaded
   */
  constructor(card, { model }) {
    this.part = (name) => card.querySelector(`[data-part="${name}"]`);
    this.card = card;
    this.classes = model.classes;
    this.threshold = model.rejector?.threshold;
    this.outcomes = this.threshold === undefined ? [RIGHT, WRONG] : [RIGHT, REJECTED, WRONG];
    this.tally = new Tally(LAST);
    this.bars = this.#bars();
    this.part("strip").replaceChildren(...Array.from({ length: LAST }, () => document.createElement("i")));
    this.clear();
  }

  clear() {
    this.tally.clear();
    this.draw();
  }

  /**
   * Count a frame.
   * @param {number} label decided
   * @param {number} truth the class that would be right
   * @returns {string} the outcome
   */
  add(label, truth) {
    const found = outcome(label, truth);
    this.tally.add(found);
    return found;
  }

  /**
   * Show the decision of one frame.
   * @param {number} label
   * @param {Float32Array} scores
   * @param {number} truth
   * @param {boolean} isKnown whether the truth is known, or what is decided without attack
   */
  show(label, scores, truth, isKnown) {
    const found = outcome(label, truth);
    this.words = isKnown ? WORDS.known : WORDS.unknown;
    this.card.dataset.outcome = found;
    this.part("class").textContent = label < 0 ? "rejected" : this.classes[label];
    this.part("verdict").textContent = label < 0 ? "not sure enough" : this.words[found];
    const marks = [...scores, this.threshold ?? scores[0]].filter(Number.isFinite);
    const [low, high] = [Math.min(...marks), Math.max(...marks)];
    const share = (value) => (high > low && Number.isFinite(value) ? (value - low) / (high - low) : 0);
    this.bars.forEach(({ row, bar }, place) => {
      bar.style.inlineSize = `${2 + 98 * share(scores[place])}%`;
      row.classList.toggle("is-true", place === truth);
      row.classList.toggle("is-decided", place === label);
    });
    if (this.threshold !== undefined) {
      const place = 0.02 + 0.98 * share(this.threshold);
      this.part("scores").style.setProperty("--threshold", place);
      this.part("scores").classList.toggle("is-late", place > 0.5); // its name has no room behind it
    }
  }

  /** Draw the counts. */
  draw() {
    const { counts, total, last } = this.tally;
    const words = this.words ?? WORDS.known;
    [...this.part("strip").children].forEach((cell, place) => {
      cell.className = last[place - LAST + last.length] ?? "";
    });
    for (const name of this.outcomes) {
      const share = total ? (100 * counts[name]) / total : 0;
      this.part(name).textContent = total ? `${words[name]} ${share.toFixed(0)} %` : "";
      this.part(`${name}-bar`).style.flexGrow = share;
    }
    this.part("total").textContent = total
      ? `${(100 * this.tally.robustAccuracy).toFixed(1)} % ${this.held(words)}, of ${total} frames`
      : "no frame yet";
  }

  /** What counts as robust, in words. */
  held(words) {
    return this.outcomes.includes(REJECTED) ? `${words[RIGHT]} or rejected` : words[RIGHT];
  }

  #bars() {
    const made = this.classes.map((name) => {
      const row = document.createElement("div");
      const label = document.createElement("span");
      const track = document.createElement("span");
      const bar = document.createElement("i");
      row.className = "score";
      label.textContent = name;
      track.className = "track";
      track.append(bar);
      row.append(label, track);
      return { row, bar };
    });
    this.part("scores").replaceChildren(...made.map(({ row }) => row));
    this.part("scores").classList.toggle("has-threshold", this.threshold !== undefined);
    return made;
  }
}
