/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_LATE_TAGS_H
#define INCLUDED_HTRD_LATE_TAGS_H

#include <gnuradio/tags.h>
#include <algorithm>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Tags that wait for the next frame: of each key only the newest.
 */
class late_tags
{
public:
    late_tags() { d_tags.reserve(32); }

    //! Keep a tag, in the place of an older one of its key.
    void keep(const tag_t& tag)
    {
        const auto older = find(tag.key);
        if (older != d_tags.end())
            d_tags.erase(older);
        d_tags.push_back(tag);
    }

    //! Forget the tag of this key.
    void drop(const pmt::pmt_t& key)
    {
        const auto tag = find(key);
        if (tag != d_tags.end())
            d_tags.erase(tag);
    }

    void clear() { d_tags.clear(); }

    //! The tags, oldest first.
    const std::vector<tag_t>& tags() const { return d_tags; }

private:
    std::vector<tag_t>::iterator find(const pmt::pmt_t& key)
    {
        return std::find_if(d_tags.begin(), d_tags.end(), [&key](const tag_t& tag) {
            return pmt::eqv(tag.key, key);
        });
    }

    std::vector<tag_t> d_tags;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_LATE_TAGS_H */
