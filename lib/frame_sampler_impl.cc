/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "check.h"
#include "frame_sampler_impl.h"
#include <gnuradio/io_signature.h>
#include <volk/volk.h>
#include <algorithm>

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t SAMPLE_OFFSET = pmt::intern("sample_offset");
const pmt::pmt_t FRAME_POWER_DB = pmt::intern("frame_power_db");
const pmt::pmt_t RX_TIME = pmt::intern("rx_time");

constexpr double LOWEST_RATE = 1e-3, HIGHEST_RATE = 1e12; // per second
constexpr int LONGEST = 1 << 24; // samples: a buffer has to hold two such items

// Bytes of an item
int item_size(int frame_length)
{
    const int64_t bytes = int64_t(sizeof(gr_complex)) * frame_length;
    check("frame_sampler",
          frame_length > 0 && frame_length <= LONGEST,
          "frame_length must be 1 ... " + std::to_string(LONGEST) + " samples, not " +
              std::to_string(frame_length) + ", items of " + std::to_string(bytes) +
              " bytes");
    return bytes;
}

} // namespace

frame_sampler::sptr frame_sampler::make(int frame_length,
                                        int hop,
                                        double samp_rate,
                                        double squelch_db,
                                        double hysteresis_db,
                                        frame_scaling_t scaling,
                                        double max_rate)
{
    return gnuradio::make_block_sptr<frame_sampler_impl>(
        frame_length, hop, samp_rate, squelch_db, hysteresis_db, scaling, max_rate);
}

frame_sampler_impl::frame_sampler_impl(int frame_length,
                                       int hop,
                                       double samp_rate,
                                       double squelch_db,
                                       double hysteresis_db,
                                       frame_scaling_t scaling,
                                       double max_rate)
    : gr::block("frame_sampler",
                gr::io_signature::make(1, 1, sizeof(gr_complex)),
                gr::io_signature::make(1, 1, item_size(frame_length))),
      d_frame_length(frame_length),
      d_samp_rate(samp_rate),
      d_scaled(scaling == frame_scaling_t::SUM_ABS),
      d_squelch(hysteresis_db),
      d_clock(samp_rate),
      d_magnitudes(frame_length)
{
    check("frame_sampler",
          samp_rate == 0 || (samp_rate >= LOWEST_RATE && samp_rate <= HIGHEST_RATE),
          "samp_rate must be 0, or 0.001 ... 1e12 per second");
    check("frame_sampler",
          std::isfinite(hysteresis_db) && hysteresis_db >= 0,
          "hysteresis_db must be 0 dB or more");
    check("frame_sampler",
          d_scaled || scaling == frame_scaling_t::NONE,
          "scaling must be NONE or SUM_ABS");
    set_hop(hop);
    set_squelch_db(squelch_db);
    set_max_rate(max_rate);
    d_hop_in_force = d_hop;
    d_tags.reserve(64);
    set_relative_rate(1,
                      frame_length); // so that the input buffer holds at least two frames
    set_tag_propagation_policy(TPP_CUSTOM);
    message_port_register_out(STATUS);
}

void frame_sampler_impl::set_hop(int hop)
{
    check("frame_sampler",
          hop >= 0,
          "hop must be at least 1 sample, or 0 for the frame length");
    d_hop = hop ? hop : d_frame_length;
}

void frame_sampler_impl::set_squelch_db(double squelch_db)
{
    check("frame_sampler",
          squelch_db < INFINITY,
          "squelch_db must be a number of dB, or -inf for no squelch");
    d_squelch_db = squelch_db;
}

void frame_sampler_impl::set_max_rate(double max_rate)
{
    check("frame_sampler",
          std::isfinite(max_rate) && max_rate >= 0,
          "max_rate must be 0 or more frames per second");
    check("frame_sampler", max_rate == 0 || d_samp_rate > 0, "max_rate needs samp_rate");
    d_max_rate = max_rate;
}

bool frame_sampler_impl::start()
{
    // GNU Radio counts samples from 0 whenever a flowgraph starts, after unlock() too.
    d_next = d_covered = 0;
    d_squelch.close();
    d_cap = rate_cap();
    d_clock = rx_clock(d_samp_rate);
    d_late.clear();
    return gr::block::start();
}

void frame_sampler_impl::forecast(int, gr_vector_int& ninput_items_required)
{
    // As many frames as there are. Samples before the next frame are consumed as they
    // come.
    ninput_items_required[0] = d_next > nitems_read(0) ? 1 : d_frame_length;
}

int frame_sampler_impl::general_work(int noutput_items,
                                     gr_vector_int& ninput_items,
                                     gr_vector_const_void_star& input_items,
                                     gr_vector_void_star& output_items)
{
    const auto in = static_cast<const gr_complex*>(input_items[0]);
    const auto out = static_cast<gr_complex*>(output_items[0]);
    const uint64_t first = nitems_read(0), end = first + ninput_items[0];
    take_settings(first);
    get_tags_in_range(d_tags, 0, first, end);
    d_first_tag = 0;

    int produced = 0;
    while (produced < noutput_items && d_next + d_frame_length <= end) {
        const gr_complex* frame = in + (d_next - first);
        double power;
        let_go(d_next);
        if (wanted(frame, power)) {
            write(frame, out + static_cast<size_t>(produced) * d_frame_length);
            tag(nitems_written(0) + produced++, power);
        }
        d_next += d_hop_in_force;
    }
    const uint64_t done = std::min(d_next, end);
    let_go(done);
    consume_each(done - first);
    report();
    return produced;
}

// The settings as of now; a new hop counts from the start of the latest frame.
void frame_sampler_impl::take_settings(uint64_t first)
{
    const int hop = d_hop;
    if (hop != d_hop_in_force && d_next > 0)
        d_next = std::max(first, d_next - d_hop_in_force + hop);
    d_hop_in_force = hop;
    const double max_rate = d_max_rate;
    d_spacing = max_rate > 0 ? d_samp_rate / max_rate : 0;
    d_squelch.set_level(d_squelch_db);
}

// Whether the frame at d_next is delivered; the others are counted.
bool frame_sampler_impl::wanted(const gr_complex* frame, double& power)
{
    const auto parts = reinterpret_cast<const float*>(frame);
    float energy;
    volk_32f_x2_dot_prod_32f(&energy, parts, parts, 2 * d_frame_length);
    power = static_cast<double>(energy) / d_frame_length;
    const bool strong = d_squelch.passes(power);
    const bool due = strong && d_cap.passes(d_next, d_spacing, d_hop_in_force);
    (due ? d_delivered : strong ? d_capped : d_squelched)++;
    return due;
}

void frame_sampler_impl::write(const gr_complex* frame, gr_complex* out)
{
    float sum = 0;
    if (d_scaled) {
        volk_32fc_magnitude_32f(d_magnitudes.data(), frame, d_frame_length);
        volk_32f_accumulator_s32f(&sum, d_magnitudes.data(), d_frame_length);
    }
    if (sum > 0) // a frame of zeros stays one
        volk_32f_s32f_multiply_32f(reinterpret_cast<float*>(out),
                                   reinterpret_cast<const float*>(frame),
                                   1 / sum,
                                   2 * d_frame_length);
    else
        std::copy_n(frame, d_frame_length, out);
}

// Tags the frame at d_next, which is the output's `item`.
void frame_sampler_impl::tag(uint64_t item, double power)
{
    add_item_tag(0, item, SAMPLE_OFFSET, pmt::from_uint64(d_next));
    add_item_tag(0, item, FRAME_POWER_DB, pmt::from_double(to_db(power)));
    d_covered = d_next + d_frame_length;

    const auto begin = d_tags.begin() + d_first_tag;
    const auto end = std::find_if(begin, d_tags.end(), [this](const tag_t& tag) {
        return tag.offset >= d_covered;
    });
    for (auto own = begin; own != end; ++own)
        d_late.drop(own->key);
    const auto forward = [this, item](const tag_t& tag) {
        add_item_tag(0, item, tag.key, tag.value, tag.srcid);
    };
    std::for_each(d_late.tags().begin(), d_late.tags().end(), forward);
    d_late.clear();
    for (auto own = begin; own != end; ++own) {
        if (own->key != RX_TIME || !d_clock.takes(own->value))
            forward(*own);
        else if (own->offset == d_next)
            d_clock.set(d_next, own->value);
    }
    if (d_clock.is_set())
        add_item_tag(0, item, RX_TIME, d_clock.at(d_next));
}

// No frame from now on has samples before `end`: their tags, if none had them, must wait.
void frame_sampler_impl::let_go(uint64_t end)
{
    for (; d_first_tag < d_tags.size() && d_tags[d_first_tag].offset < end;
         d_first_tag++) {
        const tag_t& tag = d_tags[d_first_tag];
        if (tag.key == RX_TIME && d_clock.takes(tag.value))
            d_clock.set(tag.offset, tag.value);
        else if (tag.offset >= d_covered)
            d_late.keep(tag);
    }
}

void frame_sampler_impl::report()
{
    if (!d_status_timer.due())
        return;
    pmt::pmt_t status = pmt::make_dict();
    status =
        pmt::dict_add(status, pmt::intern("delivered"), pmt::from_uint64(d_delivered));
    status =
        pmt::dict_add(status, pmt::intern("squelched"), pmt::from_uint64(d_squelched));
    status = pmt::dict_add(status, pmt::intern("capped"), pmt::from_uint64(d_capped));
    message_port_pub(STATUS, status);
}

} // namespace htrd
} // namespace gr
