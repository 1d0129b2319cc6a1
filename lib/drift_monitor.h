/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DRIFT_MONITOR_H
#define INCLUDED_HTRD_DRIFT_MONITOR_H

#include <gnuradio/htrd/native_classifier.h>
#include <pmt/pmt.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief An alarm when live scores are no longer like those of the calibration; from any
 * thread.
 *
 * A conformal test martingale with the Simple Jumper, which draws the same numbers and
 * bets the same as DriftMonitor in python/robust_amc/rejection/drift.py; that says what
 * it promises.
 *
 * It allocates when a window has more frames of a class than any before.
 */
class drift_monitor
{
public:
    //! \throws std::invalid_argument for settings out of range
    explicit drift_monitor(const decision_calibration& calibration);

    /*!
     * \brief Look at frames; those whose scores are not finite are left out.
     * \param scores [count][classes]
     * \param count of frames
     */
    void add(const float* scores, size_t count);

    /*!
     * \brief A dictionary: `alarm` (bool), whether it is on; `alarms` and `frames` looked
     * at so far (long); `evidence` (double), the capital of the test, 1 at the start of a
     * window.
     */
    pmt::pmt_t report() const;

private:
    void begin_window();
    void look(double score, size_t label);
    double rank_of(double score, std::vector<double>& known);
    void bet(double rank);
    double chance();

    const double d_false_alarm;
    const uint64_t d_window, d_every;             // frames
    std::vector<std::vector<double>> d_reference; // scores, sorted, of each class

    mutable std::mutex d_mutex;
    std::mt19937 d_random{ 0 };
    std::vector<std::vector<double>> d_known; // the reference, and the window's
    std::array<double, 5> d_capital;          // of the bets, and what is not bet
    double d_evidence = 1;
    uint64_t d_passed = 0, d_in_window = 0, d_frames = 0, d_alarms = 0;
    bool d_alarm = false;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DRIFT_MONITOR_H */
