/* SPDX-License-Identifier: GPL-3.0-or-later */

// The parts of signal_detector on spectra and samples made by hand; qa_signal_detector.py
// has the flowgraphs, and the comparison with the Python detector.

#include "band_reducer.h"
#include "band_spectrum.h"
#include "band_tracker.h"
#include "pdu_budget.h"
#include "rx_clock.h"
#include "sample_history.h"
#include "spectrum_average.h"
#include <gnuradio/htrd/signal_detector.h>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <stdexcept>

using namespace gr::htrd;

namespace {

constexpr int BINS = 32, SIZE = BINS;

typedef std::vector<std::pair<int, int>> bands; // first and last bins

detector_settings small()
{
    detector_settings settings;
    settings.bins = BINS;
    settings.averaged = 1;
    settings.longest = 8 * SIZE;
    settings.most = 3;
    return settings;
}

// A tracker that is given spectra of flat noise with some bins above it
class band
{
public:
    explicit band(const detector_settings& settings = small()) : d_tracker(settings) {}

    // Spectra in which bins low ... high have a level over the noise
    void show(int spectra, int low = 0, int high = -1, double level = 20)
    {
        show(spectra, { { low, high } }, level);
    }

    void show(int spectra, const bands& runs, double level = 20)
    {
        std::vector<float> power(BINS, 1.0f);
        for (const auto& run : runs)
            for (int bin = run.first; bin <= run.second; bin++)
                power[bin] = level;
        show(spectra, power);
    }

    void show(int spectra, const std::vector<float>& power)
    {
        for (int n = 0; n < spectra; n++, d_start += SIZE)
            keep(d_tracker.push(power.data(), d_start));
    }

    void end() { keep(d_tracker.finish()); }

    std::vector<detection> found;
    band_tracker& tracker() { return d_tracker; }

private:
    void keep(const std::vector<detection>& more)
    {
        found.insert(found.end(), more.begin(), more.end());
    }

    band_tracker d_tracker;
    uint64_t d_start = 0;
};

void check_part(const detection& part, uint64_t id, int start, int stop, bool is_last)
{
    BOOST_TEST(part.id == id);
    BOOST_TEST(part.start == uint64_t(start) * SIZE);
    BOOST_TEST(part.stop == uint64_t(stop) * SIZE);
    BOOST_TEST(part.is_last == is_last);
}

// From quantiles of the exponential distribution: averaged noise of one transform
const double FLOOR = 1 / -std::log(0.75);

} // namespace

BOOST_AUTO_TEST_CASE(a_signal_has_a_begin_an_end_and_a_band)
{
    band seen;
    seen.show(3);
    BOOST_TEST(seen.tracker().floor() == FLOOR, boost::test_tools::tolerance(1e-6));
    seen.show(4, 10, 14, 40);
    BOOST_TEST(seen.found.empty());
    seen.show(3);
    BOOST_REQUIRE(seen.found.size() == 1);
    const detection& one = seen.found[0];
    check_part(one, 0, 3, 7, true);
    BOOST_TEST(one.low == 10);
    BOOST_TEST(one.high == 14);
    // Of 4 spectra of its time, 2 in which it might go on, and the one that ended it
    BOOST_TEST(one.floor == FLOOR, boost::test_tools::tolerance(1e-6));
    const double spectra = 7, power = 4 * 40 + 3;
    BOOST_TEST(one.snr == power / (spectra * FLOOR) - 1,
               boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(the_edge_is_at_15_percent)
{
    std::vector<float> power(BINS, 1.0f);
    const double over[] = { 0.1, 0.16, 1, 1, 0.9, 0.16, 0.14 };
    for (int n = 0; n < 7; n++)
        power[8 + n] = FLOOR + 200 * over[n];
    band seen;
    seen.show(2);
    seen.show(4, power);
    seen.end();
    BOOST_REQUIRE(seen.found.size() == 1);
    BOOST_TEST(seen.found[0].low == 9);
    BOOST_TEST(seen.found[0].high == 13);
}

BOOST_AUTO_TEST_CASE(gaps_are_bridged)
{
    band seen;
    seen.show(2);
    const bands comb{ { 4, 5 }, { 9, 10 }, { 15, 16 } };
    seen.show(3, comb, 200); // gaps of 3 and 4 bins
    seen.show(2);            // and of 2 spectra
    seen.show(2, comb, 200);
    seen.show(3);
    BOOST_REQUIRE(seen.found.size() == 2);
    check_part(seen.found[0], 0, 2, 9, true);
    check_part(seen.found[1], 1, 2, 9, true);
    BOOST_TEST(seen.found[0].low == 4);
    BOOST_TEST(seen.found[0].high == 10);
    BOOST_TEST(seen.found[1].low == 15);
}

BOOST_AUTO_TEST_CASE(what_is_short_or_weak_is_no_signal)
{
    band seen;
    seen.show(2);
    seen.show(1, 10, 12, 1000); // one spectrum
    seen.show(4);
    seen.show(1, 20, 20, 15); // at first as strong as it has to be, then too weak
    seen.show(20, 20, 20, 5);
    seen.end();
    BOOST_TEST(seen.found.empty());
    BOOST_TEST(seen.tracker().tracked() == 0);
}

BOOST_AUTO_TEST_CASE(a_long_signal_comes_in_parts)
{
    band seen;
    seen.show(1);
    seen.show(8, 10, 12); // as long as a part: it may be all
    BOOST_TEST(seen.found.empty());
    seen.show(1, 10, 12);
    BOOST_REQUIRE(seen.found.size() == 1);
    check_part(seen.found[0], 0, 1, 9, false);
    seen.show(20, 10, 12);
    BOOST_REQUIRE(seen.found.size() == 3);
    seen.end();
    BOOST_REQUIRE(seen.found.size() == 4);
    check_part(seen.found[1], 0, 9, 17, false);
    check_part(seen.found[2], 0, 17, 25, false);
    check_part(seen.found[3], 0, 25, 30, true);
    for (const detection& part : seen.found) {
        BOOST_TEST(part.low == 10);
        BOOST_TEST(part.high == 12);
        BOOST_TEST(part.snr == 20 / FLOOR - 1, boost::test_tools::tolerance(1e-6));
        BOOST_TEST(part.floor == FLOOR, boost::test_tools::tolerance(1e-6));
    }
}

// A part is not sent before it is known that the signal goes on after it.
BOOST_AUTO_TEST_CASE(a_part_ends_no_later_than_the_signal)
{
    band seen;
    seen.show(1);
    seen.show(7, 10, 12);
    seen.show(2); // bridged, or not
    BOOST_TEST(seen.found.empty());
    seen.show(1, 10, 12);
    BOOST_REQUIRE(seen.found.size() == 1);
    check_part(seen.found[0], 0, 1, 9, false);
    seen.show(3);
    BOOST_REQUIRE(seen.found.size() == 2);
    check_part(seen.found[1], 0, 9, 11, true);
}

// A signal that has become narrower leaves its place to others.
BOOST_AUTO_TEST_CASE(bins_are_given_back)
{
    band seen;
    seen.show(1);
    seen.show(1, 2, 20); // a click
    seen.show(30, 4, 6);
    seen.show(5, { { 4, 6 }, { 16, 18 } });
    seen.end();
    const detection& other = seen.found.back();
    BOOST_TEST(other.id == 1);
    BOOST_TEST(other.low == 16);
    BOOST_TEST(seen.found[seen.found.size() - 2].high == 6);
}

BOOST_AUTO_TEST_CASE(two_that_turn_out_to_be_one)
{
    band seen;
    seen.show(1);
    seen.show(1, 4, 6);
    seen.show(9, { { 4, 6 }, { 12, 14 } }); // parts of both were sent
    BOOST_TEST(seen.found.size() == 2);
    seen.show(3, 4, 14);
    seen.end();
    BOOST_REQUIRE(seen.found.size() == 4);
    check_part(seen.found[0], 0, 1, 9, false);
    check_part(seen.found[1], 1, 2, 10, false);
    check_part(seen.found[2], 1, 10, 12, true); // it was still there
    check_part(seen.found[3], 0, 9, 14, true);
    BOOST_TEST(seen.found[3].high == 14);
}

BOOST_AUTO_TEST_CASE(further_signals_are_counted_once)
{
    band seen;
    const bands three{ { 0, 0 }, { 5, 5 }, { 10, 10 } };
    auto more = three;
    more.insert(more.end(), { { 15, 15 }, { 20, 20 } });
    seen.show(1);
    seen.show(3, three, 40);
    seen.show(3, more, 40);
    BOOST_TEST(seen.tracker().left_out() == 2);
    seen.show(1, three, 40);
    seen.show(3, more, 40);
    BOOST_TEST(seen.tracker().left_out() == 4);
    seen.end();
    BOOST_TEST(seen.found.size() == 6); // two parts of each
}

BOOST_AUTO_TEST_CASE(silence_is_no_signal)
{
    band seen;
    seen.show(20, std::vector<float>(BINS, 0.0f));
    seen.end();
    BOOST_TEST(seen.found.empty());
    BOOST_TEST(seen.tracker().floor() == 0);
}

BOOST_AUTO_TEST_CASE(the_noise_is_followed)
{
    band seen;
    seen.show(1);
    seen.show(1, 0, BINS - 1, 2);
    BOOST_TEST(seen.tracker().floor() == 1.1 * FLOOR,
               boost::test_tools::tolerance(1e-6)); // slowly up
    seen.show(1);
    BOOST_TEST(seen.tracker().floor() == FLOOR,
               boost::test_tools::tolerance(1e-6)); // down at once
    seen.tracker().forget();
    BOOST_TEST(seen.tracker().floor() == 0);
    seen.show(1, 0, BINS - 1, 2);
    BOOST_TEST(seen.tracker().floor() == 2 * FLOOR, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(levels_change)
{
    band seen;
    seen.tracker().set_levels(20, 3);
    seen.show(1);
    seen.show(5, 10, 12);
    seen.end();
    BOOST_TEST(seen.found.empty());
    seen.tracker().set_levels(3, 20); // closes at the lower level
    seen.show(5, 10, 12);
    seen.end();
    BOOST_TEST(seen.found.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_spectrum_has_the_power_of_its_samples)
{
    std::vector<gr_complex> tone(64 * 3);
    for (size_t n = 0; n < tone.size(); n++)
        tone[n] = std::polar(2.0f, float(2 * M_PI * 5 * n / 64));
    band_spectrum spectrum(64, 3);
    BOOST_TEST(spectrum.measure(tone.data()));
    double sum = 0;
    for (int bin = 0; bin < 64; bin++)
        sum += spectrum.power()[bin];
    BOOST_TEST(sum == 4, boost::test_tools::tolerance(1e-3));
    BOOST_TEST(std::max_element(spectrum.power(), spectrum.power() + 64) -
                   spectrum.power() ==
               32 + 5);
    tone[70] = NAN;
    BOOST_TEST(!spectrum.measure(tone.data()));
}

BOOST_AUTO_TEST_CASE(the_history_is_a_ring)
{
    sample_history history(4, 3);
    history.restart(100);
    for (int block = 0; block < 5; block++) {
        for (int n = 0; n < 4; n++)
            history.next()[n] = 4 * block + n;
        history.advance();
    }
    BOOST_TEST(history.end() == 120);
    for (int n = 8; n < 20; n++) {
        BOOST_TEST(history.at(100 + n)->real() == n);
        BOOST_TEST(history.room(100 + n) == size_t(4 - n % 4));
    }
}

// A tone in the signal's middle becomes a constant, but where the filter meets zeros.
BOOST_AUTO_TEST_CASE(a_signal_is_moved_and_decimated)
{
    constexpr int BLOCK = 1024, COUNT = 4;
    detection found;
    found.start = 2 * BLOCK;
    found.stop = (2 + COUNT) * BLOCK;
    found.low = 200;
    found.high = 202; // of 256: 73 bins above the middle
    sample_history history(BLOCK, COUNT);
    history.restart(0);
    for (int block = 0; block < COUNT + 2; block++) {
        for (int n = 0; n < BLOCK; n++)
            history.next()[n] = std::polar(
                1.0f, float(2 * M_PI * std::fmod(73.0 / 256 * (block * BLOCK + n), 1)));
        history.advance();
    }
    band_reducer reducer(256);
    BOOST_TEST(reducer.factor(found) == 8);
    BOOST_TEST(reducer.center(found) == 73.0 / 256);
    BOOST_TEST(reducer.width(found) == 3.0 / 256);
    const auto moved = pmt::c32vector_elements(reducer.reduce(found, history));
    BOOST_REQUIRE(moved.size() == BLOCK * COUNT / 8);
    for (size_t n = 10; n < moved.size() - 10; n++)
        BOOST_TEST(std::abs(moved[n] - gr_complex(1)) < 1e-4);
    found.high = 240; // wide: every sample stays
    BOOST_TEST(reducer.factor(found) == 1);
    BOOST_TEST(pmt::length(reducer.reduce(found, history)) == size_t(BLOCK * COUNT));
}

BOOST_AUTO_TEST_CASE(pdus_are_capped)
{
    pdu_budget budget(10);
    int parts = 0;
    for (int n = 0; n < 20; n++)
        parts += budget.allows(7, false);
    BOOST_TEST(parts == 6); // until no more than half is left
    BOOST_TEST(budget.allows(8, true));
    for (int n = 0; n < 20; n++)
        budget.allows(9 + n, true);
    BOOST_TEST(!budget.allows(100, true));
    BOOST_TEST(budget.allows(7, true)); // of which there were parts
    BOOST_TEST(!budget.allows(7, true));
    budget.pass(0.1);
    BOOST_TEST(budget.allows(100, true));
    BOOST_TEST(!budget.allows(101, true));
    pdu_budget none(0);
    for (int n = 0; n < 1000; n++)
        BOOST_TEST(none.allows(n, false));
}

BOOST_AUTO_TEST_CASE(a_clock_tells_missing_samples)
{
    const auto time = [](uint64_t seconds, double fraction) {
        return pmt::make_tuple(pmt::from_uint64(seconds), pmt::from_double(fraction));
    };
    rx_clock clock(1000);
    clock.set(100, time(5, 0.75));
    BOOST_TEST(clock.late(350, time(6, 0)) == 0);
    BOOST_TEST(clock.late(350, time(6, 0.5)) == 500);
    BOOST_TEST(clock.late(350, time(5, 0.75)) == -250);
}

BOOST_AUTO_TEST_CASE(spectra_are_averaged)
{
    spectrum_average average(2);
    const float one[] = { 1, 0 }, three[] = { 3, 0 };
    average.add(one);
    average.add(three);
    BOOST_TEST(average.count() == 2);
    const auto db = pmt::f32vector_elements(average.take());
    BOOST_TEST(db[0] == 10 * std::log10(2.0f), boost::test_tools::tolerance(1e-5f));
    BOOST_TEST(db[1] == -300);
    BOOST_TEST(average.count() == 0);
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused)
{
    const auto refused = [](auto change) {
        detector_settings settings;
        change(settings);
        BOOST_CHECK_THROW(checked(settings), std::invalid_argument);
    };
    BOOST_CHECK_NO_THROW(checked(detector_settings()));
    for (const int bins : { 0, -512, 14, 513, 1 << 17, std::numeric_limits<int>::max() })
        refused([=](auto& settings) { settings.bins = bins; });
    for (const int count : { -1, std::numeric_limits<int>::max() }) {
        refused([=](auto& settings) { settings.averaged = count; });
        refused([=](auto& settings) { settings.bridged_spectra = count; });
        refused([=](auto& settings) { settings.shortest = count; });
        refused([=](auto& settings) { settings.longest = count; });
    }
    refused([](auto& settings) { settings.longest = 8191; });
    refused([](auto& settings) { settings.most = 0; });
    refused([](auto& settings) { settings.bridged_bins = -1; });
    refused([](auto& settings) { settings.open_db = 2; });
    for (const double level : { 0.0, -1.0, double(INFINITY), double(NAN) }) {
        refused([=](auto& settings) { settings.open_db = level; });
        refused([=](auto& settings) { settings.close_db = level; });
        BOOST_CHECK_THROW(signal_detector::make()->set_open_db(level),
                          std::invalid_argument);
    }
    for (const double rate : { 0.0, -1.0, 1e13, double(NAN) })
        BOOST_CHECK_THROW(signal_detector::make(rate), std::invalid_argument);
}
