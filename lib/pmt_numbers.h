/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PMT_NUMBERS_H
#define INCLUDED_HTRD_PMT_NUMBERS_H

#include <pmt/pmt.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace gr {
namespace htrd {

//! A number's PMT as a double; NaN for anything else.
inline double number_of(const pmt::pmt_t& value)
{
    if (pmt::is_real(value) || pmt::is_integer(value))
        return pmt::to_double(value);
    if (pmt::is_uint64(value))
        return static_cast<double>(pmt::to_uint64(value));
    return NAN;
}

//! A position's PMT, a whole number from 0 on and below 2^63; -1 for anything else.
inline int64_t position_of(const pmt::pmt_t& value)
{
    constexpr auto MOST = std::numeric_limits<int64_t>::max();
    if (pmt::is_uint64(value))
        return pmt::to_uint64(value) <= MOST ? pmt::to_uint64(value) : -1;
    if (pmt::is_integer(value))
        return std::max<int64_t>(pmt::to_long(value), -1);
    if (!pmt::is_real(value))
        return -1;
    const double real = pmt::to_double(value); // MOST as a double is one more, 2^63
    return real >= 0 && real < static_cast<double>(MOST) && real == std::floor(real)
               ? static_cast<int64_t>(real)
               : -1;
}

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PMT_NUMBERS_H */
