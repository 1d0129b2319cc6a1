/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_FRAME_SAMPLER_H
#define INCLUDED_HTRD_FRAME_SAMPLER_H

#include <gnuradio/block.h>
#include <gnuradio/htrd/api.h>
#include <gnuradio/htrd/options.h>
#include <cstdint>
#include <limits>
#include <memory>

namespace gr {
namespace htrd {

/*!
 * \brief Cuts frames out of a stream.
 * \ingroup htrd
 *
 * \details
 * Input: complex samples. Output: vectors of frame_length complex samples.
 *
 * Frames begin every hop samples. One that is too weak for the squelch, or comes too
 * early for the rate cap, is left out and counted. A delivered frame carries
 *
 * - sample_offset (uint64), the position of its first sample in the stream, from the
 * start of the flowgraph,
 * - frame_power_db (double), 10 log10 of the mean of |x|^2, before any scaling,
 * - rx_time, the time of its first sample as a tuple (uint64 seconds, double fraction),
 * from the first rx_time tag of the source on, when the sample rate is given,
 * - all other tags of its samples; where frames overlap, each frame that has the sample,
 * - of the tags on samples that no delivered frame has, the newest of each key, unless
 * the frame has this key itself: what a radio says once, such as rx_freq, is not lost.
 *
 * Message port status (out): with the first samples and then about once a second, a
 * dictionary of frames so far: delivered, squelched, capped.
 */
class HTRD_API frame_sampler : virtual public gr::block
{
public:
    typedef std::shared_ptr<frame_sampler> sptr;

    /*!
     * \param frame_length length of a frame in samples, at most 2^24
     * \param hop distance from the start of a frame to that of the next in samples:
     * fewer than frame_length overlap, more skip; 0: frame_length
     * \param samp_rate sample rate of the stream in samples per second, 0.001 to 1e12;
     * 0: not known,
     * then there is no rate cap and rx_time is forwarded like any other tag
     * \param squelch_db power in dB of a frame that opens the squelch, 0 dB for samples
     * of magnitude 1; -inf: no squelch
     * \param hysteresis_db the squelch closes at a frame this many dB below squelch_db
     * \param scaling how frames are scaled
     * \param max_rate maximum number of frames per second of the stream's time; 0: no cap
     *
     * \throws std::invalid_argument for a value out of range
     */
    static sptr make(int frame_length = 128,
                     int hop = 0,
                     double samp_rate = 0.0,
                     double squelch_db = -std::numeric_limits<double>::infinity(),
                     double hysteresis_db = 3.0,
                     frame_scaling_t scaling = frame_scaling_t::NONE,
                     double max_rate = 0.0);

    /*!
     * \brief Distance from the start of a frame to that of the next in samples.
     */
    virtual int hop() const = 0;

    /*!
     * \brief Sets the hop, counted from the start of the latest frame; from any thread.
     * \param hop in samples; 0: the frame length
     * \throws std::invalid_argument when it is negative
     */
    virtual void set_hop(int hop) = 0;

    /*!
     * \brief Power in dB of a frame that opens the squelch; -inf: no squelch.
     */
    virtual double squelch_db() const = 0;

    /*!
     * \brief Sets the squelch, from the next samples on; from any thread.
     * \param squelch_db in dB; -inf: no squelch
     * \throws std::invalid_argument when it is NaN or +inf
     */
    virtual void set_squelch_db(double squelch_db) = 0;

    /*!
     * \brief Maximum number of frames per second of the stream's time; 0: no cap.
     */
    virtual double max_rate() const = 0;

    /*!
     * \brief Sets the rate cap, from the next samples on; from any thread.
     * \param max_rate in frames per second; 0: no cap
     * \throws std::invalid_argument when it is negative, not finite, or the sample rate
     * not known
     */
    virtual void set_max_rate(double max_rate) = 0;

    /*!
     * \brief Frames delivered so far.
     */
    virtual uint64_t delivered() const = 0;

    /*!
     * \brief Frames left out so far because they were too weak.
     */
    virtual uint64_t squelched() const = 0;

    /*!
     * \brief Frames left out so far because of the rate cap.
     */
    virtual uint64_t capped() const = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_FRAME_SAMPLER_H */
