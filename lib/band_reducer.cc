/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "band_reducer.h"
#include <gnuradio/fft/window.h>
#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {
namespace {

constexpr int OVERSAMPLED = 10; // times the width, as in robust_amc.frontend.bring
constexpr int HALF_LENGTH = 10; // of the filter, in samples that are left
constexpr double BETA = 5.0;    // of its Kaiser window

// A low-pass filter of gain 1, of which every `factor`-th output is used
std::vector<float> taps_for(int factor)
{
    const int half = HALF_LENGTH * factor;
    std::vector<float> taps = gr::fft::window::kaiser(2 * half + 1, BETA);
    double sum = 0;
    for (int n = -half; n <= half; n++) {
        const double x = M_PI * n / factor;
        taps[half + n] *= n ? std::sin(x) / x : 1;
        sum += taps[half + n];
    }
    for (float& each : taps)
        each /= sum;
    return taps;
}

} // namespace

int band_reducer::factor(const detection& signal) const
{
    return std::max(1, d_bins / (OVERSAMPLED * (signal.high + 1 - signal.low)));
}

pmt::pmt_t band_reducer::reduce(const detection& signal, const sample_history& history)
{
    const size_t count = signal.stop - signal.start;
    const int by = factor(signal);
    size_t made = (count + by - 1) / by;
    const pmt::pmt_t samples = pmt::make_c32vector(made, 0);
    gr_complex* out = pmt::c32vector_writable_elements(samples, made);
    if (by == 1) {
        move(signal, history, out);
        return samples;
    }
    set_factor(by);
    const size_t margin = size_t(HALF_LENGTH) * by;
    d_moved.resize(count + 2 * margin);
    std::fill_n(d_moved.begin(), margin, 0);
    std::fill_n(d_moved.end() - margin, margin, 0);
    move(signal, history, d_moved.data() + margin);
    d_filter->filterNdec(out, d_moved.data(), made, by);
    return samples;
}

void band_reducer::move(const detection& signal,
                        const sample_history& history,
                        gr_complex* out)
{
    // The middle lies on a bin or between two: after 2 `bins` samples, the phase is as
    // before
    const size_t period = d_turn.size();
    const double step = -2 * M_PI * center(signal);
    for (size_t n = 0; n < period; n++)
        d_turn[n] = gr_complex(std::cos(step * n), std::sin(step * n));
    for (uint64_t at = signal.start; at < signal.stop;) {
        const size_t phase = (at - signal.start) % period;
        const size_t count =
            std::min<uint64_t>({ period - phase, history.room(at), signal.stop - at });
        volk_32fc_x2_multiply_32fc(out, history.at(at), d_turn.data() + phase, count);
        out += count;
        at += count;
    }
}

void band_reducer::set_factor(int factor)
{
    if (factor == d_factor)
        return;
    d_filter = std::make_unique<gr::filter::kernel::fir_filter_ccf>(taps_for(factor));
    d_factor = factor;
}

} // namespace htrd
} // namespace gr
