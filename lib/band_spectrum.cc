/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "band_spectrum.h"
#include <gnuradio/fft/window.h>
#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {

band_spectrum::band_spectrum(int bins, int averaged)
    : d_bins(bins),
      d_averaged(averaged),
      d_fft(bins),
      d_window(bins),
      d_magnitudes(bins),
      d_sum(bins),
      d_power(bins)
{
    const std::vector<float> window = gr::fft::window::hann(bins);
    std::copy(window.begin(), window.end(), d_window.begin());
    double energy = 0;
    for (const float each : window)
        energy += double(each) * each;
    d_scale = 1 / (energy * bins * averaged);
}

bool band_spectrum::measure(const gr_complex* samples)
{
    std::fill(d_sum.begin(), d_sum.end(), 0.0f);
    for (int piece = 0; piece < d_averaged; piece++, samples += d_bins) {
        volk_32fc_32f_multiply_32fc(d_fft.get_inbuf(), samples, d_window.data(), d_bins);
        d_fft.execute();
        volk_32fc_magnitude_squared_32f(d_magnitudes.data(), d_fft.get_outbuf(), d_bins);
        volk_32f_x2_add_32f(d_sum.data(), d_sum.data(), d_magnitudes.data(), d_bins);
    }
    const int half = d_bins / 2;
    volk_32f_s32f_multiply_32f(d_power.data() + half, d_sum.data(), d_scale, half);
    volk_32f_s32f_multiply_32f(d_power.data(), d_sum.data() + half, d_scale, half);
    float total;
    volk_32f_accumulator_s32f(&total, d_power.data(), d_bins);
    return std::isfinite(total);
}

} // namespace htrd
} // namespace gr
