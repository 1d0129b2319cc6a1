/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PDU_BUDGET_H
#define INCLUDED_HTRD_PDU_BUDGET_H

#include <algorithm>
#include <cstdint>
#include <set>

namespace gr {
namespace htrd {

/*!
 * \brief How many PDUs on signals may be sent.
 *
 * A number a second on average, and as many at once. Signals that go on leave half of it
 * to those that have ended. The last part of a signal of which one was sent always
 * passes: whoever collects the parts waits for it.
 */
class pdu_budget
{
public:
    //! \param rate PDUs a second; 0: no limit
    explicit pdu_budget(double rate)
        : d_rate(rate), d_most(std::max(1.0, rate)), d_left(d_most)
    {
    }

    //! So much of the stream's time has passed.
    void pass(double seconds) { d_left = std::min(d_most, d_left + d_rate * seconds); }

    //! Whether this part of signal `id` may be sent; then it counts.
    bool allows(uint64_t id, bool is_last)
    {
        const bool ends_what_was_sent = is_last && d_open.erase(id);
        if (d_rate > 0 && !ends_what_was_sent) {
            if (d_left < (is_last ? 1 : std::max(1.0, d_most / 2)))
                return false;
            d_left--;
        }
        if (!is_last)
            d_open.insert(id);
        return true;
    }

private:
    double d_rate;
    double d_most;
    double d_left;
    std::set<uint64_t> d_open; // signals that go on, of which a part was sent
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PDU_BUDGET_H */
