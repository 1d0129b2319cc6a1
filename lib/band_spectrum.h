/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_BAND_SPECTRUM_H
#define INCLUDED_HTRD_BAND_SPECTRUM_H

#include <gnuradio/fft/fft.h>
#include <gnuradio/gr_complex.h>
#include <volk/volk_alloc.hh>

namespace gr {
namespace htrd {

/*!
 * \brief The averaged power of a band by frequency.
 */
class band_spectrum
{
public:
    //! \param bins of the spectrum, even
    //! \param averaged transforms, of `bins` samples each, under a Hann window
    band_spectrum(int bins, int averaged);

    //! Measure bins times averaged samples; whether all was finite.
    bool measure(const gr_complex* samples);

    //! Of the latest measurement, `bins` values that add up to the mean of |x|^2, 0 Hz at
    //! bins/2.
    const float* power() const { return d_power.data(); }

private:
    int d_bins;
    int d_averaged;
    gr::fft::fft_complex_fwd d_fft;
    volk::vector<float> d_window;
    volk::vector<float> d_magnitudes;
    volk::vector<float> d_sum;
    volk::vector<float> d_power;
    float d_scale;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_BAND_SPECTRUM_H */
