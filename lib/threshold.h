/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_THRESHOLD_H
#define INCLUDED_HTRD_THRESHOLD_H

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief The threshold that rejects a share of benign frames.
 * \param quantiles of their largest score, at equal steps from 0 to 1
 * \param share 0 to 1
 * \throws std::invalid_argument out of range, and without quantiles: without a rejector
 */
inline double threshold_for(const std::vector<double>& quantiles, double share)
{
    if (quantiles.empty())
        throw std::invalid_argument("the model has no rejector, so no threshold");
    if (!(share >= 0 && share <= 1)) {
        std::ostringstream text;
        text << "the target rejection must lie in 0 ... 1, not " << share;
        throw std::invalid_argument(text.str());
    }
    const double at = share * (quantiles.size() - 1);
    const size_t below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, quantiles.size() - 1);
    return quantiles[below] + (at - below) * (quantiles[above] - quantiles[below]);
}

/*!
 * \brief `value`, if it lies within the scores of benign frames.
 * \throws std::invalid_argument where it would accept or reject every frame, and without a
 * rejector
 */
inline double checked_threshold(const std::vector<double>& quantiles, double value)
{
    if (quantiles.empty())
        throw std::invalid_argument("the model has no rejector, so no threshold");
    if (!(value >= quantiles.front() && value <= quantiles.back())) {
        std::ostringstream text;
        text.precision(12);
        text << "the threshold " << value << " is outside the model's benign scores, "
             << quantiles.front() << " ... " << quantiles.back()
             << ": it would accept or reject every frame";
        throw std::invalid_argument(text.str());
    }
    return value;
}

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_THRESHOLD_H */
