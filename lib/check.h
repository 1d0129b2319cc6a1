/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_CHECK_H
#define INCLUDED_HTRD_CHECK_H

#include <stdexcept>
#include <string>

namespace gr {
namespace htrd {

//! std::invalid_argument that says which block it is and what is wrong, unless all is
//! `good`.
inline void check(const char* block, bool good, const std::string& what)
{
    if (!good)
        throw std::invalid_argument(block + (": " + what));
}

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_CHECK_H */
