/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_FRAME_TAGS_H
#define INCLUDED_HTRD_FRAME_TAGS_H

#include "frame_batch.h"
#include <gnuradio/tags.h>
#include <functional>
#include <string>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Reads what tags say of frames.
 */
class frame_tags
{
public:
    //! \param warn called with a kind and a text for each tag that cannot mean what it should
    explicit frame_tags(std::function<void(const std::string&, const std::string&)> warn)
        : d_warn(warn)
    {
    }

    /*!
     * \brief Facts of the frames from item `start` of a stream on.
     * \param tags on these items; where a frame has a key twice, the later tag wins
     * \param start of the first frame, its index unless a tag says another one
     * \param facts one for each frame; what they said before is forgotten
     */
    void
    read(const std::vector<tag_t>& tags, uint64_t start, std::vector<frame_facts>& facts);

    //! Facts of all frames of a signal, by its PDU's dictionary: truth and pnr_db
    frame_facts of_signal(const pmt::pmt_t& dictionary);

private:
    pmt::pmt_t name_of(const pmt::pmt_t& value);
    int64_t position(const tag_t& tag);
    void ignored(const pmt::pmt_t& key, const std::string& wanted);

    std::function<void(const std::string&, const std::string&)> d_warn;
    pmt::pmt_t d_known_name; // the last one that was looked at closely
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_FRAME_TAGS_H */
