/** The controls of the page: what is set, and who is told when it changes. */

const element = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

/** @typedef {{source: string, attack: string, steps: number, pnrDb: number, assumedSnrDb: number,
 *   shown: number, sweep: boolean, snrDb: number, label: number | undefined}} Settings */

/** @returns {Settings} */
export function read() {
  return {
    source: chosen("source"),
    attack: chosen("attack"),
    steps: Number(element("steps").value),
    pnrDb: Number(element("pnr").value),
    assumedSnrDb: Math.max(-20, Math.min(60, Number(element("assumed-snr").value) || 0)),
    shown: Number(chosen("shown")),
    sweep: element("sweep").checked,
    snrDb: Number(element("snr-label").value),
    label: element("class").value === "" ? undefined : Number(element("class").value),
  };
}

/** @returns {number | null} the carrier in Hz; null: the input has two channels, I and Q */
export const carrier = () =>
  element("input").value === "stereo" ? null : Math.max(0, Number(element("carrier").value) || 0);

/** @returns {number[]} lowest and highest PNR, and the step of a sweep */
export function range() {
  const { min, max } = element("pnr");
  return [Number(min), Number(max), 2];
}

/** @param {number} pnrDb */
export function setPnr(pnrDb) {
  element("pnr").value = pnrDb;
}

/**
 * @param {string[]} classes
 * @param {number[]} levels SNR labels in dB
 */
export function fill(classes, levels) {
  element("class").append(...classes.map((name, place) => new Option(name, place)));
  const nearest = levels.reduce((best, each) => (Math.abs(each - 10) < Math.abs(best - 10) ? each : best));
  element("snr-label").append(
    ...levels.map((level) => new Option(`${level} dB`.replace("-", "−"), level, false, level === nearest)),
  );
}

/** Show the options of the chosen source alone. */
export function showOptions() {
  const { source } = read();
  for (const each of document.querySelectorAll(".options")) {
    each.hidden = !each.dataset.for.split(" ").includes(source);
  }
  element("carrier").closest("label").hidden = element("input").value === "stereo";
}

/**
 * Call back when something changes.
 * @param {object} told
 * @param {() => void} told.source another source of frames is wanted
 * @param {() => void} told.frames other frames of it, or another attack
 * @param {() => void} told.level another PNR
 * @param {() => void} told.view what is shown
 * @param {(files: File[]) => void} told.files
 * @param {() => void} told.listen
 * @param {(isPaused: boolean) => void} told.pause
 */
export function listen(told) {
  for (const each of document.querySelectorAll('input[name="source"]')) each.addEventListener("change", told.source);
  for (const each of document.querySelectorAll('input[name="attack"]')) each.addEventListener("change", told.frames);
  for (const each of document.querySelectorAll('input[name="shown"]')) each.addEventListener("change", told.view);
  for (const id of ["class", "snr-label", "steps", "assumed-snr"]) element(id).addEventListener("change", told.frames);
  element("input").addEventListener("change", showOptions);
  element("pnr").addEventListener("input", told.level);
  element("files").addEventListener("change", ({ target }) => target.files.length && told.files([...target.files]));
  element("listen").addEventListener("click", told.listen);
  element("pause").addEventListener("click", ({ target }) => {
    const isPaused = target.getAttribute("aria-pressed") !== "true";
    target.setAttribute("aria-pressed", isPaused);
    target.textContent = isPaused ? "Go on" : "Pause";
    told.pause(isPaused);
  });
}
