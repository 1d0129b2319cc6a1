/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "pmt_numbers.h"
#include <gnuradio/block.h>
#include <gnuradio/block_detail.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace py = pybind11;

namespace {

// The tags on the next `count` items of input 0 of a block at work
std::vector<gr::tag_t> tags_ahead(gr::block& block, size_t count)
{
    if (!block.detail())
        throw std::runtime_error("the block is in no flowgraph that runs");
    const uint64_t start = block.nitems_read(0);
    std::vector<gr::tag_t> tags;
    block.detail()->get_tags_in_range(tags, 0, start, start + count, block.unique_id());
    return tags;
}

// A radio's frames come by the ten thousand a second, each with several tags: as Python
// objects these would take more time than all else before a frame's decision.
py::array_t<double>
number_tags(gr::block& block, size_t count, const std::vector<pmt::pmt_t>& keys)
{
    const auto tags = tags_ahead(block, count);
    py::array_t<double> found({ keys.size(), count });
    auto row = found.mutable_unchecked<2>();
    std::fill_n(found.mutable_data(), found.size(), NAN);
    for (const auto& tag : tags)
        for (size_t key = 0; key < keys.size(); key++)
            if (pmt::eq(tag.key, keys[key]))
                row(key, tag.offset - block.nitems_read(0)) = gr::htrd::number_of(tag.value);
    return found;
}

py::tuple whole_tags(gr::block& block, size_t count, const pmt::pmt_t& key)
{
    py::array_t<int64_t> found(count);
    auto item = found.mutable_unchecked<1>();
    std::fill_n(found.mutable_data(), count, -1);
    size_t wrong = 0;
    for (const auto& tag : tags_ahead(block, count))
        if (pmt::eq(tag.key, key)) {
            const int64_t value = gr::htrd::position_of(tag.value);
            wrong += value < 0;
            item(tag.offset - block.nitems_read(0)) = value;
        }
    return py::make_tuple(found, wrong);
}

} // namespace

void bind_number_tags(py::module& m)
{
    m.def("_number",
          &gr::htrd::number_of,
          py::arg("value").none(false),
          "A number's PMT as a float; NaN for anything else.");
    m.def("_whole",
          &gr::htrd::position_of,
          py::arg("value").none(false),
          "A position's PMT, a whole number from 0 on and below 2^63, as an int; -1 for "
          "anything else.");
    m.def("_whole_tags",
          &whole_tags,
          py::arg("block"),
          py::arg("count"),
          py::arg("key"),
          "Values of a tag on the next `count` items of input 0 of a block at work, as "
          "_whole() reads them: int64 [count], -1 where there is none, and how many tags "
          "were something else. Where an item has the key twice, the later tag wins. "
          "Raises RuntimeError for a block that is in no flowgraph.");
    m.def("_number_tags",
          &number_tags,
          py::arg("block"),
          py::arg("count"),
          py::arg("keys"),
          "Values of tags on the next `count` items of input 0 of a block at work: "
          "float64 [keys, count], NaN where a tag is missing or no number. Where an item "
          "has a key twice, the later tag wins. Raises RuntimeError for a block that is "
          "in no flowgraph.");
}
