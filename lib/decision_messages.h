/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DECISION_MESSAGES_H
#define INCLUDED_HTRD_DECISION_MESSAGES_H

#include "frame_batch.h"
#include <string>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Makes the messages of a classifier; their layout is that of the Python block's, see
 * python/htrd/messages/decision_pdu.py and signal_pdu.py.
 */
class decision_messages
{
public:
    //! \param classes names, in the order of the scores
    explicit decision_messages(const std::vector<std::string>& classes);

    //! PDU of a batch.
    pmt::pmt_t batch(const frame_batch& batch, double threshold) const;

    //! PDU of one frame of a batch.
    pmt::pmt_t frame(const frame_batch& batch, size_t row, double threshold) const;

    //! PDU of a signal's frames: its dictionary with the decisions, and log posteriors.
    pmt::pmt_t signal(const pmt::pmt_t& facts, const frame_batch& batch) const;

private:
    const pmt::pmt_t& modulation(const frame_batch& batch, size_t row) const;
    pmt::pmt_t set(const frame_batch& batch, size_t row) const;

    std::vector<pmt::pmt_t> d_names; // the last one, of rejected frames, is PMT_NIL
    pmt::pmt_t d_classes;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DECISION_MESSAGES_H */
