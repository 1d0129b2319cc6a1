/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_SQUELCH_H
#define INCLUDED_HTRD_SQUELCH_H

#include "decibels.h"
#include <cmath>

namespace gr {
namespace htrd {

/*!
 * \brief Power squelch with hysteresis, frame by frame.
 */
class squelch
{
public:
    explicit squelch(double hysteresis_db) : d_hysteresis_db(hysteresis_db) {}

    //! Set the level in dB that opens the squelch; -inf lets everything pass, NaN too.
    void set_level(double level_db)
    {
        if (level_db == d_level_db)
            return;
        d_level_db = level_db;
        d_opens_at = from_db(level_db);
        d_closes_below = from_db(level_db - d_hysteresis_db);
    }

    //! Forget the frames so far.
    void close() { d_open = false; }

    //! Whether a frame of this power (mean of |x|^2) passes.
    bool passes(double power)
    {
        // Comparisons that a power of NaN fails: such a frame closes the squelch
        d_open = power >= (d_open ? d_closes_below : d_opens_at);
        return d_open || std::isinf(d_level_db);
    }

private:
    double d_hysteresis_db;
    double d_level_db = -INFINITY;
    double d_opens_at = 0;
    double d_closes_below = 0;
    bool d_open = false;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_SQUELCH_H */
