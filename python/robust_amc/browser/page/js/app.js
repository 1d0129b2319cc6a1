/** The page: frames go to both receivers, under attack, and what they decide is shown. */

import * as controls from "./controls.js";
import { DatasetSource } from "./dataset_source.js";
import { energy, scaleWhereNeeded } from "./frames.js";
import { IqFileSource } from "./iq_file_source.js";
import { MicrophoneSource } from "./microphone_source.js";
import { WRONG } from "./outcome.js";
import { epsilon, psrDb } from "./power.js";
import { Receiver } from "./receiver.js";
import * as theme from "./theme.js";
import * as constellation from "./views/constellation.js";
import { CurveView } from "./views/curve.js";
import { ReceiverView } from "./views/receiver_view.js";
import { SpectrumView } from "./views/spectrum.js";

const RECEIVERS = { undefended: "standard training", htrd_plus: "adversarial training, rejection" };
const MOST = 16; // frames at a time
const PACE = 350; // milliseconds between two pictures
const SWEEP = 24; // frames at each level of a sweep

const element = (id) => document.getElementById(id);
const names = Object.keys(RECEIVERS);
const curve = new CurveView(element("curve"), names, controls.range());
const spectrum = new SpectrumView(element("spectrum"));
const state = { source: null, sample: null, epoch: 0, isPaused: false, count: 2, last: null, direction: 1 };
let receivers = [];
let views = [];

async function start() {
  theme.start(element("theme"), draw);
  new ResizeObserver(draw).observe(document.querySelector("main"));
  say("loading the models");
  receivers = await Promise.all(names.map((name) => new Receiver(name).load()));
  views = receivers.map(card);
  const { classes } = receivers[0].model;
  const answer = await fetch(new URL("../sample.npz", import.meta.url));
  state.sample = await DatasetSource.read(await answer.blob(), classes);
  controls.fill(classes, state.sample.levels);
  controls.showOptions();
  controls.listen({
    source: () => (controls.showOptions(), choose(controls.read().source === "sample" ? state.sample : null)),
    frames: () => (pick(), restart()),
    level: () => restart(false),
    view: draw,
    files: (files) => use(files.map(({ name }) => name).join(", "), () => open(files)),
    listen: () => use("the microphone", () => MicrophoneSource.open(controls.carrier(), frameLength())),
    pause: (isPaused) => (state.isPaused = isPaused),
  });
  choose(state.sample);
  await run();
}

const frameLength = () => receivers[0].model.frame_length;

/** A data set, or samples. */
function open(files) {
  element("file-name").textContent = files.map(({ name }) => name).join(", ");
  const { model } = receivers[0];
  return files[0].name.toLowerCase().endsWith(".npz")
    ? DatasetSource.read(files[0], model.classes)
    : IqFileSource.open(files, model);
}

/** Take another source of frames; what is wrong with it is said. */
async function use(name, opening) {
  const wanted = controls.read().source;
  choose(null);
  const { epoch } = state;
  say(`opening ${name}`);
  try {
    const source = await opening();
    if (epoch !== state.epoch || wanted !== controls.read().source) return source.close();
    choose(source);
  } catch (problem) {
    say(`${name}: ${problem.message}`, true);
  }
}

function choose(source) {
  if (state.source !== source) state.source?.close();
  state.source = source;
  state.last = null;
  if (!source) say(controls.read().source === "file" ? "choose a file" : "press Listen");
  pick();
  restart();
}

/** Of the sample the frames that are wanted. */
function pick() {
  if (state.source && state.source === state.sample) state.sample.pick(controls.read());
}

/** Count anew, and draw the curves anew unless only the level is another. */
function restart(withCurve = true) {
  state.epoch++;
  views.forEach((view) => view.clear());
  if (withCurve) curve.clear();
  spectrum.clear();
  showLevels();
  draw();
}

/** Batch after batch, for ever. */
async function run() {
  for (;;) {
    const began = performance.now();
    if (state.source && !state.isPaused) {
      try {
        await step();
      } catch (problem) {
        choose(null);
        say(problem.message, true);
      }
    }
    const took = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, Math.max(10, PACE - took)));
  }
}

async function step() {
  const { epoch, source } = state;
  const settings = controls.read();
  const began = performance.now();
  const frames = await source.next(state.count);
  if (epoch !== state.epoch) return;
  const count = frames.label.length;
  if (!count) return say("no frame is as wanted", true);
  const { attack, steps } = settings;
  const details = { iq: frames.iq, label: frames.label, radius: radii(frames, settings), attack, steps };
  const found = await Promise.all(receivers.map((receiver) => receiver.receive(details)));
  if (epoch !== state.epoch) return; // of settings that are no longer those of the page
  show(frames, found, settings);
  // As many frames as take about as long as the page waits for
  const spare = (0.8 * PACE) / (performance.now() - began);
  state.count = Math.max(1, Math.min(MOST, Math.round(state.count * Math.min(2, spare))));
  document.documentElement.dataset.state = "running";
  say(source === state.sample ? "the sample of the library" : "frames of your own");
  if (settings.sweep && views[0].tally.total >= SWEEP) sweep(settings.pnrDb);
}

/** Scale frames as the receivers expect, and say how large a perturbation of each may be. */
function radii(frames, settings) {
  const size = 2 * frameLength();
  return Float32Array.from(frames.label, (_, row) => {
    const frame = frames.iq.subarray(row * size, (row + 1) * size);
    scaleWhereNeeded(frame, receivers[0].model.scaling);
    return epsilon(energy(frame), snrOf(frames, row, settings), settings.pnrDb);
  });
}

const snrOf = ({ snrDb }, row, { assumedSnrDb }) => (Number.isFinite(snrDb[row]) ? snrDb[row] : assumedSnrDb);

/** Count a batch, and show its last frame. */
function show(frames, found, settings) {
  const size = 2 * frameLength();
  const row = frames.label.length - 1;
  found.forEach(({ clean, received }, place) => {
    const view = views[place];
    const { length } = receivers[place].model.classes;
    const truth = Array.from(frames.label, (label, i) => (label < 0 ? standIn(clean, i, length) : label));
    received.label.forEach((label, i) => {
      const isHeld = view.add(label, truth[i]) !== WRONG;
      if (settings.attack !== "none") curve.add(names[place], settings.pnrDb, isHeld);
      const own = received.iq.subarray(i * size, (i + 1) * size);
      if (place === settings.shown) spectrum.add(frames.iq.subarray(i * size, (i + 1) * size), own);
    });
    const scores = received.scores.subarray(row * length, (row + 1) * length);
    view.show(received.label[row], scores, truth[row], frames.label[row] >= 0);
    view.draw();
  });
  const at = (iq) => iq.slice(row * size, (row + 1) * size);
  state.last = {
    label: frames.label[row],
    clean: at(frames.iq),
    received: found.map(({ received }) => at(received.iq)),
    snrDb: frames.snrDb[row],
    hasLabel: Number.isFinite(frames.snrDb[row]),
  };
  showLevels();
  draw();
}

/** Where the truth is not known: what is decided, or would be, without attack. */
function standIn({ label, scores }, row, length) {
  if (label[row] >= 0) return label[row];
  const own = scores.subarray(row * length, (row + 1) * length);
  return own.indexOf(Math.max(...own));
}

function sweep(pnrDb) {
  const [low, high, step] = controls.range();
  const next = pnrDb + step;
  controls.setPnr(next > high ? low : next);
  restart(false);
}

function showLevels() {
  const { pnrDb, attack, source, snrDb, assumedSnrDb } = controls.read();
  const isOfSample = source === "sample";
  const isLabel = isOfSample || (state.last?.hasLabel ?? false);
  const snr = isOfSample ? snrDb : isLabel ? state.last.snrDb : assumedSnrDb;
  const isAttacked = attack !== "none";
  element("pnr-value").textContent = isAttacked ? decibels(pnrDb) : "none";
  element("psr-value").textContent = isAttacked ? decibels(psrDb(snr, pnrDb)) : "none";
  element("snr-value").textContent = `${decibels(snr, 0)} ${isLabel ? "(label)" : "(assumed)"}`;
}

const decibels = (value, digits = 1) => `${value.toFixed(digits)} dB`.replace("-", "−");

function draw() {
  const { pnrDb, shown, attack } = controls.read();
  curve.draw(pnrDb);
  spectrum.draw();
  if (!state.last) return;
  const { label, clean, received } = state.last;
  element("sent").textContent = label < 0 ? "not known" : receivers[0].model.classes[label];
  const isUntouched = clean.every((value, i) => value === received[shown][i]);
  element("note").textContent = isUntouched && attack === "white-box" ? "wrong without it" : "";
  constellation.draw(element("constellation"), clean, received[shown]);
}

function card(receiver) {
  const made = element("receiver").content.cloneNode(true).firstElementChild;
  made.querySelector('[data-part="name"]').textContent = receiver.name;
  made.querySelector('[data-part="about"]').textContent = RECEIVERS[receiver.name];
  document.querySelector(".receivers").append(made);
  return new ReceiverView(made, receiver);
}

function say(text, isProblem = false) {
  element("status").textContent = text;
  element("status").classList.toggle("problem", isProblem);
}

start().catch((problem) => say(problem.message, true));
