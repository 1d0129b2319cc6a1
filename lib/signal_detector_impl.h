/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_SIGNAL_DETECTOR_IMPL_H
#define INCLUDED_HTRD_SIGNAL_DETECTOR_IMPL_H

#include "band_reducer.h"
#include "band_spectrum.h"
#include "band_tracker.h"
#include "pdu_budget.h"
#include "rate_cap.h"
#include "rx_clock.h"
#include "sample_history.h"
#include "spectrum_average.h"
#include "status_timer.h"
#include <gnuradio/htrd/signal_detector.h>
#include <atomic>
#include <vector>

namespace gr {
namespace htrd {

class signal_detector_impl : public signal_detector
{
public:
    signal_detector_impl(double sample_rate,
                         double center_frequency,
                         const detector_settings& settings,
                         double spectra_rate,
                         double max_rate);

    double center_frequency() const override { return d_center_frequency; }
    void set_center_frequency(double center_frequency) override;
    double open_db() const override { return d_open_db; }
    void set_open_db(double open_db) override;
    double close_db() const override { return d_close_db; }
    void set_close_db(double close_db) override;
    uint64_t samples() const override { return d_samples; }
    uint64_t signals() const override { return d_signals; }
    uint64_t sent() const override { return d_sent; }
    uint64_t capped() const override { return d_capped; }
    uint64_t left_out() const override { return d_left_out; }
    uint64_t losses() const override { return d_losses; }

    bool start() override;
    bool stop() override;
    void forecast(int noutput_items, gr_vector_int& ninput_items_required) override;
    int general_work(int noutput_items,
                     gr_vector_int& ninput_items,
                     gr_vector_const_void_star& input_items,
                     gr_vector_void_star& output_items) override;

private:
    bool is_end(int available) const;
    void take_settings(uint64_t offset);
    void take(const gr_complex* in, size_t count);
    void take_spectrum();
    void heed(const tag_t& tag);
    void heed_time(const tag_t& tag);
    void tune(double center_frequency, uint64_t offset);
    void interrupt(uint64_t offset);
    void end();
    void send(const std::vector<detection>& found);
    void send(const detection& found);
    void show();
    void report();
    double density(double power) const;

    const detector_settings d_settings;
    const double d_sample_rate;
    const double d_spectra_rate;
    const double d_max_rate;

    // Set from any thread, read at the beginning of general_work()
    std::atomic<double> d_center_frequency;
    std::atomic<double> d_open_db;
    std::atomic<double> d_close_db;
    std::atomic<uint64_t> d_samples{ 0 };
    std::atomic<uint64_t> d_signals{ 0 };
    std::atomic<uint64_t> d_sent{ 0 };
    std::atomic<uint64_t> d_capped{ 0 };
    std::atomic<uint64_t> d_left_out{ 0 };
    std::atomic<uint64_t> d_losses{ 0 };

    double d_tuned = 0; // center frequency of the samples at hand
    bool d_has_ended = false;
    size_t d_filled = 0; // samples of the next spectrum that are there
    sample_history d_history;
    band_spectrum d_spectrum;
    band_tracker d_tracker;
    band_reducer d_reducer;
    pdu_budget d_budget;
    spectrum_average d_average;
    rate_cap d_cap; // of the spectra that are sent
    rx_clock d_clock;
    std::vector<tag_t> d_tags; // on the input at hand
    status_timer d_status_timer;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_SIGNAL_DETECTOR_IMPL_H */
