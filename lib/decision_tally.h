/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DECISION_TALLY_H
#define INCLUDED_HTRD_DECISION_TALLY_H

#include "frame_batch.h"
#include <cstdint>
#include <mutex>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Counts decisions, and how fast they came since the last report; from any thread.
 */
class decision_tally
{
public:
    using clock = frame_batch::clock;

    struct counts {
        uint64_t decided = 0;
        uint64_t rejected = 0;
        uint64_t invalid = 0;
        uint64_t discarded = 0;
    };

    //! Count a batch that was decided.
    void add(const frame_batch& batch);

    //! Count frames that will never be decided.
    void discard(uint64_t frames);

    counts so_far() const;

    /*!
     * \brief Once a second, and with the first frames, a dictionary; else PMT_NIL.
     *
     * Since the last report `rate`, decided frames a second, and of their time from arrival to
     * publication in milliseconds `latency_ms`, the 99th percentile, and `latency_p50_ms`, the
     * median. A latency is absent where nothing was decided.
     */
    pmt::pmt_t report();

private:
    mutable std::mutex d_mutex;
    counts d_counts;
    uint64_t d_reported = 0;
    clock::time_point d_last = clock::time_point::min();
    std::vector<float> d_waited; // milliseconds
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DECISION_TALLY_H */
