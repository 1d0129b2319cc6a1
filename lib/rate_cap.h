/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_RATE_CAP_H
#define INCLUDED_HTRD_RATE_CAP_H

#include <cmath>

namespace gr {
namespace htrd {

/*!
 * \brief Thins out frames that lie on a grid to a highest average rate.
 *
 * A frame passes from its due time on. The next one is due a spacing after the time that
 * this one was due, not after its own start: so the average is right although the grid is
 * coarse. What a pause leaves over is not made up for: after it, the spacing counts from
 * the frame.
 */
class rate_cap
{
public:
    //! Whether a frame at `start` passes; `spacing` and `hop` in samples, a spacing of 0:
    //! always.
    bool passes(double start, double spacing, double hop)
    {
        const double due = d_base + spacing;
        if (start < due)
            return false;
        d_base = due > start - hop ? due : start;
        return true;
    }

private:
    double d_base = -INFINITY; // the spacing to the next frame counts from here
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_RATE_CAP_H */
