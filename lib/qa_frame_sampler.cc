/* SPDX-License-Identifier: GPL-3.0-or-later */

// The parts of frame_sampler, and a flowgraph of it; qa_frame_sampler.py has the
// reference.

#include "late_tags.h"
#include "rate_cap.h"
#include "rx_clock.h"
#include "squelch.h"
#include <gnuradio/blocks/vector_sink.h>
#include <gnuradio/blocks/vector_source.h>
#include <gnuradio/htrd/frame_sampler.h>
#include <gnuradio/top_block.h>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <stdexcept>

using namespace gr::htrd;

namespace {
gr::tag_t make_tag(uint64_t offset, const char* key, const pmt::pmt_t& value)
{
    gr::tag_t tag;
    tag.offset = offset;
    tag.key = pmt::intern(key);
    tag.value = value;
    return tag;
}

pmt::pmt_t time_of(uint64_t seconds, double fraction)
{
    return pmt::make_tuple(pmt::from_uint64(seconds), pmt::from_double(fraction));
}
} // namespace

BOOST_AUTO_TEST_CASE(squelch_opens_and_closes)
{
    squelch gate(6);
    gate.set_level(-10);
    BOOST_TEST(!gate.passes(0.05));
    BOOST_TEST(gate.passes(0.11));
    BOOST_TEST(gate.passes(0.026));  // -15.9 dB
    BOOST_TEST(!gate.passes(0.025)); // -16.02 dB
    BOOST_TEST(!gate.passes(0.05));
    BOOST_TEST(!gate.passes(std::nan("")));
}

BOOST_AUTO_TEST_CASE(no_squelch_lets_everything_pass)
{
    squelch gate(3);
    for (const double power : { 0.0, 1e-30, std::nan(""), 1e30 })
        BOOST_TEST(gate.passes(power));
}

BOOST_AUTO_TEST_CASE(rate_cap_keeps_the_average)
{
    rate_cap cap;
    int passed = 0;
    for (int start = 0; start < 128 * 10000; start += 128)
        passed += cap.passes(start, 200, 128);
    BOOST_TEST(passed == 128 * 10000 / 200);

    rate_cap none;
    for (int start = 0; start < 1000; start += 100)
        BOOST_TEST(none.passes(start, 0, 100));
}

BOOST_AUTO_TEST_CASE(rate_cap_starts_anew_after_a_pause)
{
    rate_cap cap;
    BOOST_TEST(cap.passes(0, 1000, 100));
    BOOST_TEST(cap.passes(5000, 1000, 100));
    BOOST_TEST(!cap.passes(5900, 1000, 100));
    BOOST_TEST(cap.passes(6000, 1000, 100));
}

BOOST_AUTO_TEST_CASE(rx_clock_counts_on)
{
    rx_clock clock(1000);
    BOOST_TEST(!clock.takes(pmt::from_double(5)));
    BOOST_TEST(!clock.takes(pmt::make_tuple(pmt::from_double(5), pmt::from_double(0.5))));
    BOOST_TEST(clock.takes(time_of(5, 0.75)));
    BOOST_TEST(!rx_clock(0).takes(time_of(5, 0.75)));
    clock.set(100, time_of(5, 0.75));
    BOOST_TEST(pmt::equal(clock.at(100), time_of(5, 0.75)));
    BOOST_TEST(pmt::equal(clock.at(350), time_of(6, 0.0)));
    BOOST_TEST(
        pmt::equal(clock.at(100 + 86400ull * 365 * 1000), time_of(31536005, 0.75)));
}

BOOST_AUTO_TEST_CASE(late_tags_keep_the_newest)
{
    late_tags late;
    late.keep(make_tag(1, "a", pmt::from_long(1)));
    late.keep(make_tag(2, "b", pmt::from_long(2)));
    late.keep(make_tag(3, "a", pmt::from_long(3)));
    BOOST_REQUIRE(late.tags().size() == 2);
    BOOST_TEST(late.tags()[0].offset == 2);
    BOOST_TEST(late.tags()[1].offset == 3);
    late.drop(pmt::intern("b"));
    BOOST_TEST(late.tags().size() == 1);
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused)
{
    for (const int length : { 0, -1, (1 << 24) + 1, (1 << 29) + 1, std::numeric_limits<int>::max() })
        BOOST_CHECK_THROW(frame_sampler::make(length), std::invalid_argument);
    for (const double rate : { 1e-4, 1e13, -1.0, double(INFINITY), double(NAN) })
        BOOST_CHECK_THROW(frame_sampler::make(128, 0, rate), std::invalid_argument);
    BOOST_CHECK_THROW(frame_sampler::make(128, -1), std::invalid_argument);
    BOOST_CHECK_THROW(frame_sampler::make()->set_max_rate(1), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_flowgraph)
{
    // Long enough for many calls of work; every frame is scaled, some wait for the cap.
    std::vector<gr_complex> samples(50000);
    for (size_t n = 0; n < samples.size(); n++)
        samples[n] = gr_complex(1 + n % 7, n % 3);
    const std::vector<gr::tag_t> tags{ make_tag(0, "rx_time", time_of(7, 0)),
                                       make_tag(300, "rx_freq", pmt::from_double(1e9)),
                                       make_tag(9000, "rx_freq", pmt::from_double(2e9)) };
    auto top = gr::make_top_block("qa");
    auto source = gr::blocks::vector_source_c::make(samples, false, 1, tags);
    auto block =
        frame_sampler::make(100, 70, 1000.0, -100.0, 3.0, frame_scaling_t::SUM_ABS, 5.0);
    auto sink = gr::blocks::vector_sink_c::make(100);
    top->connect(source, 0, block, 0);
    top->connect(block, 0, sink, 0);
    top->run();
    BOOST_TEST(block->delivered() == 250);
    BOOST_TEST(block->delivered() + block->capped() == (50000 - 100) / 70 + 1);
    BOOST_REQUIRE(sink->data().size() == 250 * 100);
    float sum = 0;
    for (int n = 0; n < 100; n++)
        sum += std::abs(sink->data()[n]);
    BOOST_TEST(std::abs(sum - 1) < 1e-5);
    int frequencies = 0;
    for (const auto& tag : sink->tags())
        frequencies += pmt::eqv(tag.key, pmt::intern("rx_freq"));
    BOOST_TEST(frequencies == 2);
}
