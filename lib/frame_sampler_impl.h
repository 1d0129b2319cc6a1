/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_FRAME_SAMPLER_IMPL_H
#define INCLUDED_HTRD_FRAME_SAMPLER_IMPL_H

#include "late_tags.h"
#include "rate_cap.h"
#include "rx_clock.h"
#include "squelch.h"
#include "status_timer.h"
#include <gnuradio/htrd/frame_sampler.h>
#include <volk/volk_alloc.hh>
#include <atomic>
#include <vector>

namespace gr {
namespace htrd {

class frame_sampler_impl : public frame_sampler
{
public:
    frame_sampler_impl(int frame_length,
                       int hop,
                       double samp_rate,
                       double squelch_db,
                       double hysteresis_db,
                       frame_scaling_t scaling,
                       double max_rate);

    int hop() const override { return d_hop; }
    void set_hop(int hop) override;
    double squelch_db() const override { return d_squelch_db; }
    void set_squelch_db(double squelch_db) override;
    double max_rate() const override { return d_max_rate; }
    void set_max_rate(double max_rate) override;
    uint64_t delivered() const override { return d_delivered; }
    uint64_t squelched() const override { return d_squelched; }
    uint64_t capped() const override { return d_capped; }

    bool start() override;
    void forecast(int noutput_items, gr_vector_int& ninput_items_required) override;
    int general_work(int noutput_items,
                     gr_vector_int& ninput_items,
                     gr_vector_const_void_star& input_items,
                     gr_vector_void_star& output_items) override;

private:
    void take_settings(uint64_t first);
    bool wanted(const gr_complex* frame, double& power);
    void write(const gr_complex* frame, gr_complex* out);
    void tag(uint64_t item, double power);
    void let_go(uint64_t end);
    void report();

    const int d_frame_length;
    const double d_samp_rate;
    const bool d_scaled;

    // Set from any thread, read at the beginning of general_work()
    std::atomic<int> d_hop;
    std::atomic<double> d_squelch_db;
    std::atomic<double> d_max_rate;
    std::atomic<uint64_t> d_delivered{ 0 };
    std::atomic<uint64_t> d_squelched{ 0 };
    std::atomic<uint64_t> d_capped{ 0 };

    // Positions in the input stream
    uint64_t d_next = 0;    // where the next frame begins
    uint64_t d_covered = 0; // where the latest delivered frame ends

    int d_hop_in_force = 0;
    double d_spacing = 0; // samples, from the rate cap
    squelch d_squelch;
    rate_cap d_cap;
    rx_clock d_clock;
    late_tags d_late;
    std::vector<tag_t> d_tags; // on the input at hand
    size_t d_first_tag = 0;    // the first of them that was not let go
    volk::vector<float> d_magnitudes;
    status_timer d_status_timer;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_FRAME_SAMPLER_IMPL_H */
