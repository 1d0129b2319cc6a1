/* SPDX-License-Identifier: GPL-3.0-or-later */

// The parts of perturbation_adder, and a flowgraph of it; qa_perturbation_adder.py has
// the reference.

#include "block_power.h"
#include "control_messages.h"
#include "player.h"
#include "waveform.h"
#include <gnuradio/blocks/vector_sink.h>
#include <gnuradio/blocks/vector_source.h>
#include <gnuradio/htrd/perturbation_adder.h>
#include <gnuradio/top_block.h>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

using namespace gr::htrd;

BOOST_AUTO_TEST_CASE(power_does_not_depend_on_the_pieces)
{
    block_power whole(256), pieces(256);
    for (int n = 1; n <= 10; n++) {
        whole.add(64.0 * n, 64);
        pieces.add(40.0 * n, 40);
        BOOST_TEST(pieces.room() == 24);
        pieces.add(24.0 * n, 24);
        BOOST_TEST(whole.power() == pieces.power());
        if (n <= 4) // the mean of all blocks until the time constant is reached
            BOOST_TEST(std::abs(whole.power() - (n + 1) / 2.0) < 1e-12);
    }
    const double before = whole.power();
    whole.add(std::numeric_limits<double>::infinity(), 64);
    BOOST_TEST(whole.power() == before);
    whole.add(64.0 * (before + 4), 64);
    BOOST_TEST(std::abs(whole.power() - before - 1) < 1e-12);
}

BOOST_AUTO_TEST_CASE(waveform_is_a_circle)
{
    const std::vector<gr_complex> samples{ { 1, 2 }, { 3, 4 }, { 5, 6 } };
    const waveform circle(samples, 7);
    BOOST_TEST(std::abs(circle.power() - (5 + 25 + 61) / 3.0) < 1e-12);
    for (int position = 0; position < 3; position++)
        for (int n = 0; n < 7; n++)
            BOOST_TEST(circle.conjugate(position)[n] ==
                       std::conj(samples[(position + n) % 3]));
    BOOST_TEST(circle.energy(2, 3) == 61 + 5 + 25);
    BOOST_CHECK_THROW(waveform({}, 7), std::invalid_argument);
    BOOST_CHECK_THROW(waveform({ { 0, 0 } }, 7), std::invalid_argument);
    BOOST_CHECK_THROW(waveform({ { NAN, 0 } }, 7), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(player_plays_once_or_again)
{
    player once(5, false, false, false, 0);
    BOOST_TEST(!once.playing());
    once.advance(1000);
    once.start();
    BOOST_TEST(once.room() == 5);
    once.advance(3);
    BOOST_TEST(once.position() == 3);
    once.advance(2);
    BOOST_TEST(!once.playing());

    player again(5, true, true, true, 1);
    again.start();
    const int first = again.position();
    again.advance(1003);
    BOOST_TEST(again.playing());
    BOOST_TEST(again.position() == (first + 3) % 5);
    BOOST_TEST(std::abs(std::abs(again.rotation()) - 1) < 1e-6);
}

BOOST_AUTO_TEST_CASE(values_of_messages)
{
    BOOST_TEST(as_number(pmt::from_long(-3)) == -3);
    BOOST_TEST(as_number(pmt::from_uint64(3)) == 3);
    BOOST_TEST(as_number(pmt::from_double(0.5)) == 0.5);
    BOOST_CHECK_THROW(as_number(pmt::PMT_T), std::invalid_argument);
    BOOST_TEST(as_switch(pmt::PMT_T));
    BOOST_TEST(as_switch(pmt::from_long(1)));
    BOOST_TEST(!as_switch(pmt::from_double(0)));
    BOOST_CHECK_THROW(as_switch(pmt::from_double(2)), std::invalid_argument);
    BOOST_CHECK_THROW(as_switch(pmt::PMT_NIL), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(odd_messages_are_ignored)
{
    int set = 0;
    const auto count = [&set](const pmt::pmt_t& value) { set += as_switch(value); };
    control_messages control(std::make_shared<gr::logger>("qa"), { { "on", count } });
    const auto on = pmt::intern("on");
    pmt::pmt_t deep = pmt::PMT_NIL;
    for (int n = 0; n < 1000; n++)
        deep = pmt::cons(deep, pmt::PMT_NIL);
    for (const auto& odd : { pmt::PMT_NIL,
                             deep,
                             pmt::make_f32vector(3, 1),
                             pmt::intern(std::string(65535, 'x')),
                             pmt::intern("\xff\xfe"),
                             pmt::from_double(NAN),
                             pmt::make_tuple(on, on) }) {
        control.apply(odd);
        control.apply(pmt::cons(on, odd));
        control.apply(pmt::cons(odd, on));
        control.apply(pmt::dict_add(pmt::make_dict(), odd, odd));
    }
    BOOST_TEST(set == 0);
    control.apply(pmt::cons(on, pmt::PMT_T));
    BOOST_TEST(set == 1);
}

BOOST_AUTO_TEST_CASE(a_flowgraph)
{
    const std::vector<gr_complex> samples(30000, gr_complex(2, 0));
    std::vector<gr::tag_t> tags;
    for (const int offset : { 100, 150, 20000 }) {
        tags.emplace_back();
        tags.back().offset = offset;
        tags.back().key = pmt::intern("start");
        tags.back().value = pmt::PMT_T;
    }
    auto top = gr::make_top_block("qa");
    auto source = gr::blocks::vector_source_c::make(samples, false, 1, tags);
    auto block = perturbation_adder::make(std::vector<gr_complex>(1000, gr_complex(0, 3)),
                                          "",
                                          perturbation_mode_t::PSR,
                                          0,
                                          0,
                                          -20,
                                          stream_reference_t::RECEIVED,
                                          true,
                                          "start");
    auto sink = gr::blocks::vector_sink_c::make();
    top->connect(source, 0, block, 0);
    top->connect(block, 0, sink, 0);
    top->run();
    const auto got = sink->data();
    BOOST_REQUIRE(got.size() == samples.size());
    for (int n = 0; n < 30000; n++) {
        const bool played = (n >= 100 && n < 1150) || (n >= 20000 && n < 21000);
        BOOST_TEST(std::abs(got[n] - gr_complex(2, played ? 0.2 : 0)) < 1e-5);
    }
    BOOST_TEST(std::abs(block->achieved_psr_db() + 20) < 1e-4);
}
