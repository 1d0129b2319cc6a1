/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_STATUS_TIMER_H
#define INCLUDED_HTRD_STATUS_TIMER_H

#include <pmt/pmt.h>
#include <chrono>

namespace gr {
namespace htrd {

//! Port of the status messages
const pmt::pmt_t STATUS = pmt::intern("status");

/*!
 * \brief Says when a status message is due: at once, and then once a second.
 */
class status_timer
{
public:
    bool due()
    {
        const auto now = clock::now();
        if (now < d_next)
            return false;
        d_next = now + std::chrono::seconds(1);
        return true;
    }

private:
    using clock = std::chrono::steady_clock;
    clock::time_point d_next = clock::time_point::min();
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_STATUS_TIMER_H */
