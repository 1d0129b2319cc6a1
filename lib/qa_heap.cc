/* SPDX-License-Identifier: GPL-3.0-or-later */

// That work() leaves the heap alone. In a program of its own: valgrind, which checks the
// other tests, brings its own operator new.

#include "drift_monitor.h"
#include <gnuradio/block_detail.h>
#include <gnuradio/buffer.h>
#include <gnuradio/buffer_reader.h>
#include <gnuradio/htrd/frame_sampler.h>
#include <gnuradio/htrd/perturbation_adder.h>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>

using namespace gr::htrd;

namespace {
thread_local int allocations = 0;

void* allocate(std::size_t size)
{
    allocations++;
    void* memory = std::malloc(size);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

// The first call reports the status, which allocates; the next ones must not.
template <typename Call>
void check(Call call)
{
    int before = allocations;
    call();
    BOOST_TEST(allocations > before);
    before = allocations;
    for (int n = 0; n < 10; n++)
        call();
    BOOST_TEST(allocations == before);
}
} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

BOOST_AUTO_TEST_CASE(perturbation_adder_does_not_allocate)
{
    const std::vector<gr_complex> in(5000, gr_complex(1, 1));
    std::vector<gr_complex> out(in.size());
    auto block = perturbation_adder::make({ { 1, 0 }, { 0, 1 } });
    BOOST_REQUIRE(block->start());
    gr_vector_const_void_star from{ in.data() };
    gr_vector_void_star to{ out.data() };
    check([&] { block->work(in.size(), from, to); });
    BOOST_TEST(out[0] != in[0]);
}

// The first windows are the longest so far; the next ones need no more than they did.
BOOST_AUTO_TEST_CASE(drift_monitor_does_not_allocate)
{
    decision_calibration calibration;
    calibration.scores = { { 0, 1, 2 }, { 3 } };
    calibration.window = 50;
    calibration.false_alarm = 1e-9; // none: it would look no closer at a window
    drift_monitor monitor(calibration);
    std::vector<float> scores;
    for (int row = 0; row < 100; row++) {
        scores.push_back(row % 3);
        scores.push_back(row % 2 * 4);
    }
    check([&] { monitor.add(scores.data(), 100); });
}

// A delivered frame gets tags, which allocate; one that is squelched costs nothing.
BOOST_AUTO_TEST_CASE(frame_sampler_does_not_allocate_while_the_squelch_is_closed)
{
    const std::vector<gr_complex> in(128 * 40, gr_complex(0.01, 0));
    auto block = frame_sampler::make(128, 64, 0, -20);
    // What the scheduler gives a block: it counts the samples, and has their tags.
    auto buffer = gr::make_buffer(128 * 1000, sizeof(gr_complex), 1, 1);
    auto detail = gr::make_block_detail(1, 1);
    detail->set_input(0, gr::buffer_add_reader(buffer, 0, block));
    block->set_detail(detail);
    gr::tag_t tag;
    tag.offset = 3 * in.size();
    tag.key = pmt::intern("rx_freq");
    tag.value = pmt::from_double(1e9);
    buffer->add_item_tag(tag);
    BOOST_REQUIRE(block->start());
    gr_vector_int count{ static_cast<int>(in.size()) };
    gr_vector_const_void_star from{ in.data() };
    gr_vector_void_star to{ nullptr };
    int delivered = 0;
    check([&] {
        buffer->update_write_pointer(in.size());
        delivered += block->general_work(1, count, from, to);
    });
    BOOST_TEST(delivered == 0);
    BOOST_TEST(block->squelched() == 11 * 79); // 79 fit into a call
}
