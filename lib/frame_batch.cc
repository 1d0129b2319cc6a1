/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "frame_batch.h"
#include <volk/volk.h>
#include <algorithm>

namespace gr {
namespace htrd {

void frame_batch::reserve(size_t frames)
{
    d_facts.reserve(frames);
    d_arrival.reserve(frames);
    d_energy.reserve(frames);
    d_sum_abs.reserve(frames);
    d_magnitudes.resize(d_frame_length);
    if (d_iq.size() < 2 * d_frame_length * frames)
        d_iq.resize(2 * d_frame_length * frames);
}

void frame_batch::clear()
{
    d_first = 0;
    d_facts.clear();
    d_arrival.clear();
    d_energy.clear();
    d_sum_abs.clear();
}

void frame_batch::append(const gr_complex* samples,
                         const frame_facts& facts,
                         clock::time_point now)
{
    const size_t at = d_facts.size();
    if (d_iq.size() < 2 * d_frame_length * (at + 1))
        reserve(2 * (at + 1));
    float* in_phase = d_iq.data() + 2 * d_frame_length * at;
    volk_32fc_deinterleave_32f_x2(
        in_phase, in_phase + d_frame_length, samples, d_frame_length);
    float energy = 0, sum = 0;
    volk_32f_x2_dot_prod_32f(&energy, in_phase, in_phase, 2 * d_frame_length);
    volk_32fc_magnitude_32f(d_magnitudes.data(), samples, d_frame_length);
    volk_32f_accumulator_s32f(&sum, d_magnitudes.data(), d_frame_length);
    d_facts.push_back(facts);
    d_arrival.push_back(now);
    d_energy.push_back(energy);
    d_sum_abs.push_back(sum);
}

} // namespace htrd
} // namespace gr
