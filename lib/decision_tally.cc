/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "decision_tally.h"
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {
namespace {

constexpr std::chrono::seconds PERIOD{ 1 };

// A percentile of some values, whose order it changes, between the two that are nearest
double percentile(std::vector<float>& values, double share)
{
    const double rank = share * (values.size() - 1);
    const auto low = values.begin() + static_cast<size_t>(rank);
    std::nth_element(values.begin(), low, values.end());
    const double lower = *low;
    if (low + 1 == values.end())
        return lower;
    const double upper = *std::min_element(low + 1, values.end());
    return lower + (rank - std::floor(rank)) * (upper - lower);
}

} // namespace

void decision_tally::add(const frame_batch& batch)
{
    using milliseconds = std::chrono::duration<float, std::milli>;
    const auto now = clock::now();
    const std::lock_guard<std::mutex> guard(d_mutex);
    d_counts.decided += batch.size();
    for (size_t row = 0; row < batch.size(); row++) {
        d_counts.rejected += batch.label[row] < 0;
        d_counts.invalid += !batch.is_valid(row);
        d_waited.push_back(milliseconds(now - batch.arrival(row)).count());
    }
}

void decision_tally::discard(uint64_t frames)
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    d_counts.discarded += frames;
}

decision_tally::counts decision_tally::so_far() const
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    return d_counts;
}

pmt::pmt_t decision_tally::report()
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    const auto now = clock::now();
    const bool is_first = d_last == clock::time_point::min();
    if (!d_counts.decided && !d_counts.discarded)
        return pmt::PMT_NIL;
    if (!is_first && now - d_last < PERIOD)
        return pmt::PMT_NIL;
    double rate = 0; // not known yet
    if (!is_first)
        rate = (d_counts.decided - d_reported) /
               std::chrono::duration<double>(now - d_last).count();
    d_last = now;
    d_reported = d_counts.decided;

    auto made =
        pmt::dict_add(pmt::make_dict(), pmt::intern("rate"), pmt::from_double(rate));
    if (!d_waited.empty()) {
        const double median = percentile(d_waited, 0.5);
        const double slow = percentile(d_waited, 0.99);
        made = pmt::dict_add(made, pmt::intern("latency_ms"), pmt::from_double(slow));
        made =
            pmt::dict_add(made, pmt::intern("latency_p50_ms"), pmt::from_double(median));
        d_waited.clear();
    }
    return made;
}

} // namespace htrd
} // namespace gr
