/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DECIBELS_H
#define INCLUDED_HTRD_DECIBELS_H

#include <cmath>

namespace gr {
namespace htrd {

//! Power ratio of a value in dB; 0 for -inf.
inline double from_db(double db) { return std::pow(10.0, db / 10); }

//! Value in dB of a power ratio; -inf for 0.
inline double to_db(double ratio) { return 10 * std::log10(ratio); }

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DECIBELS_H */
