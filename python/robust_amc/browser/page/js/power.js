/**
 * Radio units, as robust_amc.power has them. All ratios are of powers; the "signal" of PSR and
 * the energy of a frame are of what was received, signal and noise together.
 */

/** @param {number} db @returns {number} the power ratio of a value in dB */
export const fromDb = (db) => 10 ** (db / 10);

/** @param {number} ratio @returns {number} a power ratio in dB; -Infinity for 0 */
export const toDb = (ratio) => 10 * Math.log10(ratio);

/**
 * Radius of the ball that a perturbation stays in: ε = √(PNR·‖x‖²/(SNR + 1)), Zhang et al.,
 * IEEE WCL 2022 (arXiv 2407.06807), Section II-C.
 * @param {number} energy ‖x‖² of the received frame
 * @param {number} snrDb
 * @param {number} pnrDb
 * @returns {number}
 */
export const epsilon = (energy, snrDb, pnrDb) =>
  Math.sqrt((fromDb(pnrDb) * energy) / (fromDb(snrDb) + 1));

/**
 * Perturbation-to-signal ratio of a perturbation that takes all of its budget.
 * @param {number} snrDb
 * @param {number} pnrDb
 * @returns {number} dB
 */
export const psrDb = (snrDb, pnrDb) => pnrDb - toDb(fromDb(snrDb) + 1);
