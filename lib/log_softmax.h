/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_LOG_SOFTMAX_H
#define INCLUDED_HTRD_LOG_SOFTMAX_H

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace gr {
namespace htrd {

/*!
 * \brief Makes logits the natural logarithms of their softmax; 0 where not finite.
 * \param values of one frame, replaced
 * \param count of classes, at least one
 */
inline void log_softmax(float* values, size_t count)
{
    const float most = *std::max_element(values, values + count);
    float sum = 0;
    for (size_t each = 0; each < count; each++)
        sum += std::exp(values[each] - most);
    const float whole = std::log(sum);
    for (size_t each = 0; each < count; each++) {
        values[each] = values[each] - most - whole;
        if (!std::isfinite(values[each]))
            values[each] = 0;
    }
}

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_LOG_SOFTMAX_H */
