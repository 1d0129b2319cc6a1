/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_BAND_REDUCER_H
#define INCLUDED_HTRD_BAND_REDUCER_H

#include "band_tracker.h"
#include "sample_history.h"
#include <gnuradio/filter/fir_filter.h>
#include <pmt/pmt.h>
#include <memory>

namespace gr {
namespace htrd {

/*!
 * \brief Moves a signal of a band to 0 Hz, at a rate that is enough for it.
 *
 * As reduced() in robust_amc.frontend.bring, SciPy's resample_poly() with a factor of 1
 * up.
 */
class band_reducer
{
public:
    //! \param bins of the spectrum in which signals are found
    explicit band_reducer(int bins) : d_bins(bins), d_turn(2 * bins) {}

    //! How many samples of the band become one.
    int factor(const detection& signal) const;

    //! The middle of a signal, in cycles a sample.
    double center(const detection& signal) const
    {
        return double(half_bins(signal)) / (2 * d_bins);
    }

    //! From edge to edge, in cycles a sample.
    double width(const detection& signal) const
    {
        return double(signal.high + 1 - signal.low) / d_bins;
    }

    //! The signal's samples, a c32vector; outside of them there are zeros for the filter.
    pmt::pmt_t reduce(const detection& signal, const sample_history& history);

private:
    int half_bins(const detection& signal) const
    {
        return signal.low + signal.high - d_bins;
    }
    void move(const detection& signal, const sample_history& history, gr_complex* out);
    void set_factor(int factor);

    int d_bins;
    volk::vector<gr_complex> d_turn; // as much of the phase as there is, then it repeats
    volk::vector<gr_complex> d_moved;
    int d_factor = 0; // that the filter is for
    std::unique_ptr<gr::filter::kernel::fir_filter_ccf> d_filter;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_BAND_REDUCER_H */
