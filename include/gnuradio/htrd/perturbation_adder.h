/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PERTURBATION_ADDER_H
#define INCLUDED_HTRD_PERTURBATION_ADDER_H

#include <gnuradio/htrd/api.h>
#include <gnuradio/htrd/options.h>
#include <gnuradio/sync_block.h>
#include <gnuradio/types.h>
#include <memory>
#include <string>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Adds a stored waveform to a stream, at a set level.
 * \ingroup htrd
 *
 * \details
 * Input and output: complex samples. All tags are kept.
 *
 * The level is a perturbation-to-noise ratio (PNR) or a perturbation-to-signal ratio
 * (PSR). The PSR refers to the measured power P of the stream; the PNR to the noise
 * power, which is P/(SNR + 1) where the stream is a received signal and P/SNR where it is
 * a clean signal about to be transmitted, the SNR being the receiver's. The power of the
 * waveform is its mean over its whole length.
 *
 * P is measured in blocks of 64 samples, counted from the beginning of the stream: the
 * mean of all blocks so far until there are as many as fit into average samples, and from
 * then on a first-order average with this time constant. The level of a sample follows
 * from the blocks before its own, so that nothing is added to the first 64 samples,
 * unless the power is given. Blocks that are not finite are not measured.
 *
 * Message port control (in): a pair (name, value) or a dictionary, with the names pnr_db,
 * snr_db, psr_db (numbers) and enabled (true or false). Anything else is logged once and
 * ignored.
 * Message port status (out): with the first samples and then about once a second, a
 * dictionary of what was added since the last one: pnr_db and psr_db (achieved, NaN when
 * nothing was added), and power_db (measured, of the stream).
 */
class HTRD_API perturbation_adder : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<perturbation_adder> sptr;

    /*!
     * \param waveform the samples to add; empty: they are read from the file
     * \param file a file of complex float32 samples (cf32), 2^27 at most, when there is no
     * waveform
     * \param mode which level is kept
     * \param pnr_db perturbation-to-noise ratio in dB, for mode PNR
     * \param snr_db signal-to-noise ratio in dB at the receiver, for mode PNR
     * \param psr_db perturbation-to-signal ratio in dB, for mode PSR
     * \param reference what the stream is
     * \param enabled whether anything is added
     * \param trigger name of the tag that starts the waveform; empty: it is played from
     * the beginning of the stream, again and again
     * \param repeat with a trigger: play again and again from there, or once
     * \param random_phase turn the waveform by a random angle at each start
     * \param random_offset begin inside the waveform at each start, at a random sample;
     * it is played cyclically and keeps its length
     * \param seed seed of the random angles and samples
     * \param average time constant of the power measurement in samples, at least 64
     * \param power mean |x|^2 of the stream where it is known, up to 1e30; 0: it is
     * measured
     *
     * \throws std::invalid_argument for a value out of range, a waveform that is empty,
     * zero or not finite, and a file that cannot be read
     */
    static sptr make(const std::vector<gr_complex>& waveform = std::vector<gr_complex>(),
                     const std::string& file = "",
                     perturbation_mode_t mode = perturbation_mode_t::PNR,
                     double pnr_db = -10.0,
                     double snr_db = 10.0,
                     double psr_db = -20.0,
                     stream_reference_t reference = stream_reference_t::RECEIVED,
                     bool enabled = true,
                     const std::string& trigger = "",
                     bool repeat = false,
                     bool random_phase = false,
                     bool random_offset = false,
                     unsigned int seed = 0,
                     int average = 4096,
                     double power = 0.0);

    /*!
     * \brief The wanted perturbation-to-noise ratio in dB.
     */
    virtual double pnr_db() const = 0;

    /*!
     * \brief Sets the perturbation-to-noise ratio, from the next samples on; from any
     * thread.
     * \param pnr_db in dB
     * \throws std::invalid_argument when it is not finite, or beyond 200 dB
     */
    virtual void set_pnr_db(double pnr_db) = 0;

    /*!
     * \brief The signal-to-noise ratio in dB at the receiver.
     */
    virtual double snr_db() const = 0;

    /*!
     * \brief Sets the signal-to-noise ratio, from the next samples on; from any thread.
     * \param snr_db in dB
     * \throws std::invalid_argument when it is not finite, or beyond 200 dB
     */
    virtual void set_snr_db(double snr_db) = 0;

    /*!
     * \brief The wanted perturbation-to-signal ratio in dB.
     */
    virtual double psr_db() const = 0;

    /*!
     * \brief Sets the perturbation-to-signal ratio, from the next samples on; from any
     * thread.
     * \param psr_db in dB
     * \throws std::invalid_argument when it is not finite, or beyond 200 dB
     */
    virtual void set_psr_db(double psr_db) = 0;

    /*!
     * \brief Whether anything is added.
     */
    virtual bool enabled() const = 0;

    /*!
     * \brief Switches the perturbation on or off, from the next samples on; from any
     * thread.
     *
     * The waveform runs on unheard while it is off.
     *
     * \param enabled whether anything is added
     */
    virtual void set_enabled(bool enabled) = 0;

    /*!
     * \brief PNR in dB of all that was added since the start or the latest change of a
     * setting.
     *
     * From the energies of what was added and of the stream under it; NaN when nothing
     * was.
     */
    virtual double achieved_pnr_db() const = 0;

    /*!
     * \brief PSR in dB of all that was added since the start or the latest change of a
     * setting.
     *
     * From the energies of what was added and of the stream under it; NaN when nothing
     * was.
     */
    virtual double achieved_psr_db() const = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PERTURBATION_ADDER_H */
