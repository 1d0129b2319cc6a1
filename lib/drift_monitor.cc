/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "drift_monitor.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace gr {
namespace htrd {
namespace {

constexpr double JUMP = 0.01; // of the capital, moved between the bets at each step

// Bets that ranks are small, or large, or that they are near 0 and 1, or near the middle
struct {
    double stake;
    bool is_far;
} constexpr BETS[] = { { -1, false }, { 1, false }, { 1, true }, { -1, true } };

} // namespace

drift_monitor::drift_monitor(const decision_calibration& calibration)
    : d_false_alarm(calibration.false_alarm),
      d_window(calibration.window),
      d_every(calibration.every),
      d_reference(calibration.scores)
{
    if (!(d_false_alarm > 0 && d_false_alarm < 1) || calibration.window < 1 ||
        calibration.every < 1)
        throw std::invalid_argument(
            "the drift alarm needs a probability between 0 and 1, and a window and a "
            "step of at least one frame");
    for (auto& scores : d_reference)
        std::sort(scores.begin(), scores.end());
    begin_window();
}

void drift_monitor::add(const float* scores, size_t count)
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    const size_t classes = d_reference.size();
    for (const float* row = scores; row != scores + count * classes; row += classes) {
        if (!std::all_of(
                row, row + classes, [](float each) { return std::isfinite(each); }))
            continue;
        const float* best = std::max_element(row, row + classes);
        if (d_passed++ % d_every == 0)
            look(*best, best - row);
    }
}

pmt::pmt_t drift_monitor::report() const
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    auto made = pmt::make_dict();
    made = pmt::dict_add(made, pmt::intern("alarm"), pmt::from_bool(d_alarm));
    made = pmt::dict_add(made, pmt::intern("alarms"), pmt::from_long(d_alarms));
    made = pmt::dict_add(made, pmt::intern("evidence"), pmt::from_double(d_evidence));
    return pmt::dict_add(made, pmt::intern("frames"), pmt::from_long(d_frames));
}

void drift_monitor::begin_window()
{
    d_in_window = 0;
    d_known = d_reference;
    d_capital.fill(1.0 / d_capital.size());
    d_alarm = false;
    d_evidence = 1;
}

void drift_monitor::look(double score, size_t label)
{
    if (d_in_window == d_window)
        begin_window();
    d_in_window++;
    d_frames++;
    if (!d_alarm)
        bet(rank_of(score, d_known[label]));
}

// The conformal p-value, uniform in 0 ... 1; the score is known then. Ties are broken by
// chance.
double drift_monitor::rank_of(double score, std::vector<double>& known)
{
    const auto first = std::lower_bound(known.begin(), known.end(), score);
    const auto last = std::upper_bound(first, known.end(), score);
    const double below = first - known.begin(), equal = last - first;
    const double rank = (below + chance() * (equal + 1)) / (known.size() + 1);
    known.insert(last, score);
    return rank;
}

void drift_monitor::bet(double rank)
{
    const double shared = JUMP * d_evidence / d_capital.size();
    for (double& each : d_capital)
        each = (1 - JUMP) * each + shared;
    const double far = std::abs(2 * rank - 1);
    auto own = d_capital.begin();
    for (const auto& each : BETS)
        *own++ *= 1 + each.stake * ((each.is_far ? far : rank) - 0.5);
    d_evidence = std::accumulate(d_capital.begin(), d_capital.end(), 0.0);
    if (d_evidence >= 1 / d_false_alarm) {
        d_alarm = true;
        d_alarms++;
    }
}

// Uniform in 0 ... 1, of 53 bits: NumPy's RandomState draws the same.
double drift_monitor::chance()
{
    const uint32_t high = d_random() >> 5;
    const uint32_t low = d_random() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

} // namespace htrd
} // namespace gr
