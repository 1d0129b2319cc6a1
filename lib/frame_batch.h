/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_FRAME_BATCH_H
#define INCLUDED_HTRD_FRAME_BATCH_H

#include <gnuradio/gr_complex.h>
#include <pmt/pmt.h>
#include <volk/volk_alloc.hh>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gr {
namespace htrd {

//! What is known of a frame besides its samples; null and NaN where nothing is.
struct frame_facts {
    int64_t frame_index = 0;
    int64_t sample_offset = -1; // -1: not known
    pmt::pmt_t truth;
    pmt::pmt_t rx_time;
    double snr_db = NAN;
    double pnr_db = NAN;
    double frame_power_db = NAN;
    bool as_is = false; // was scaled before something was added to it
};

/*!
 * \brief Frames, what is known of them, and what was decided.
 *
 * It allocates when it is longer than ever before.
 */
class frame_batch
{
public:
    using clock = std::chrono::steady_clock;

    explicit frame_batch(size_t frame_length) : d_frame_length(frame_length) {}

    //! Make room for so many frames.
    void reserve(size_t frames);

    //! Forget all frames.
    void clear();

    //! Append a frame of frame_length samples.
    void append(const gr_complex* samples, const frame_facts& facts, clock::time_point now);

    //! Forget the first frame.
    void drop_first() { d_first++; }

    size_t size() const { return d_facts.size() - d_first; }

    //! Whether so many frames were appended since clear(), dropped ones among them
    bool is_full(size_t frames) const { return d_facts.size() >= frames; }

    size_t frame_length() const { return d_frame_length; }

    //! Of all frames, [size][2][frame_length]
    float* iq() { return d_iq.data() + 2 * d_frame_length * d_first; }

    const frame_facts& facts(size_t row) const { return d_facts[d_first + row]; }

    //! When a frame was appended
    clock::time_point arrival(size_t row) const { return d_arrival[d_first + row]; }

    //! Whether a frame can be classified: finite, not all zero, its energy in the range of floats
    bool is_valid(size_t row) const
    {
        const float energy = d_energy[d_first + row];
        return std::isfinite(energy) && energy > 0;
    }

    //! Sum of the magnitudes of a frame's samples
    float sum_abs(size_t row) const { return d_sum_abs[d_first + row]; }

    // --- what was decided, an entry a frame, see native_classifier_impl
    std::vector<int16_t> label;        // -1: rejected
    std::vector<double> best;          // the largest score
    std::vector<float> scores;         // [size][classes]
    std::vector<float> log_posteriors; // the same, where they are wanted; 0 if not valid
    std::vector<uint8_t> in_set; // the same, of a model with prediction sets: 1 or 0

    //! Whether it is known which classes a frame may be of
    bool has_set(size_t row) const { return !in_set.empty() && is_valid(row); }

private:
    const size_t d_frame_length;
    size_t d_first = 0;
    volk::vector<float> d_iq;
    std::vector<frame_facts> d_facts;
    std::vector<clock::time_point> d_arrival;
    std::vector<float> d_energy;
    std::vector<float> d_sum_abs;
    volk::vector<float> d_magnitudes;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_FRAME_BATCH_H */
