/* SPDX-License-Identifier: GPL-3.0-or-later */

// That work() leaves the heap alone. In a program of its own: valgrind, which checks the
// other tests, brings its own operator new.

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
} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

BOOST_AUTO_TEST_CASE(work_does_not_allocate)
{
    const std::vector<gr_complex> in(5000, gr_complex(1, 1));
    std::vector<gr_complex> out(in.size());
    auto block = perturbation_adder::make({ { 1, 0 }, { 0, 1 } });
    BOOST_REQUIRE(block->start());
    gr_vector_const_void_star from{ in.data() };
    gr_vector_void_star to{ out.data() };
    int before = allocations;
    block->work(in.size(), from, to); // reports the status, which allocates
    BOOST_TEST(allocations > before);
    before = allocations;
    for (int n = 0; n < 10; n++)
        block->work(in.size(), from, to);
    BOOST_TEST(allocations == before);
    BOOST_TEST(out[0] != in[0]);
}
