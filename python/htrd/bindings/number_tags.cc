/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/block.h>
#include <gnuradio/block_detail.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace py = pybind11;

namespace {

double number(const pmt::pmt_t& value)
{
    if (pmt::is_real(value) || pmt::is_integer(value))
        return pmt::to_double(value);
    if (pmt::is_uint64(value))
        return static_cast<double>(pmt::to_uint64(value));
    return NAN;
}

// A radio's frames come by the ten thousand a second, each with several tags: as Python
// objects these would take more time than all else before a frame's decision.
py::array_t<double>
number_tags(gr::block& block, size_t count, const std::vector<pmt::pmt_t>& keys)
{
    if (!block.detail())
        throw std::runtime_error("number_tags: the block is in no flowgraph that runs");
    py::array_t<double> found({ keys.size(), count });
    auto row = found.mutable_unchecked<2>();
    std::fill_n(found.mutable_data(), found.size(), NAN);
    const uint64_t start = block.nitems_read(0);
    std::vector<gr::tag_t> tags;
    block.detail()->get_tags_in_range(tags, 0, start, start + count, block.unique_id());
    for (const auto& tag : tags)
        for (size_t key = 0; key < keys.size(); key++)
            if (pmt::eq(tag.key, keys[key]))
                row(key, tag.offset - start) = number(tag.value);
    return found;
}

} // namespace

void bind_number_tags(py::module& m)
{
    m.def("_number",
          &number,
          py::arg("value").none(false),
          "A number's PMT as a float; NaN for anything else.");
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
