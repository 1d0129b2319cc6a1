/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_SPECTRUM_AVERAGE_H
#define INCLUDED_HTRD_SPECTRUM_AVERAGE_H

#include "decibels.h"
#include <pmt/pmt.h>
#include <volk/volk.h>
#include <volk/volk_alloc.hh>
#include <algorithm>

namespace gr {
namespace htrd {

/*!
 * \brief The mean of the spectra since the last one that was shown: no burst between two
 * pictures is missed.
 */
class spectrum_average
{
public:
    static constexpr double LOWEST = 1e-30; // power that is told: -300 dB

    explicit spectrum_average(int bins) : d_sum(bins) {}

    //! Add a spectrum.
    void add(const float* power)
    {
        volk_32f_x2_add_32f(d_sum.data(), d_sum.data(), power, d_sum.size());
        d_count++;
    }

    //! Spectra since the last one that was taken.
    int count() const { return d_count; }

    //! Their mean in dB, a f32vector; count from here on.
    pmt::pmt_t take()
    {
        size_t bins = d_sum.size();
        const pmt::pmt_t made = pmt::make_f32vector(bins, 0);
        float* db = pmt::f32vector_writable_elements(made, bins);
        for (size_t bin = 0; bin < bins; bin++)
            db[bin] = to_db(std::max(d_sum[bin] / double(d_count), LOWEST));
        restart();
        return made;
    }

    //! Forget the spectra so far.
    void restart()
    {
        std::fill(d_sum.begin(), d_sum.end(), 0.0f);
        d_count = 0;
    }

private:
    volk::vector<float> d_sum;
    int d_count = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_SPECTRUM_AVERAGE_H */
