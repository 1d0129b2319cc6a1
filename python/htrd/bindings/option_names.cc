/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/htrd/options.h>
#include <pybind11/pybind11.h>
#include <algorithm>
#include <cctype>
#include <string>

namespace py = pybind11;

namespace {

// "frame scaling" for frame_scaling_t
std::string in_words(std::string type_name)
{
    std::replace(type_name.begin(), type_name.end(), '_', ' ');
    return type_name.substr(0, type_name.size() - 2);
}

std::string in_small_letters(std::string name)
{
    for (char& each : name)
        each = std::tolower(static_cast<unsigned char>(each));
    return name;
}

// The member of an enumeration with a name, 'pnr' for PNR; null for what is no string.
PyObject* from_name(PyObject* value, PyTypeObject* type)
{
    if (!py::isinstance<py::str>(value))
        return nullptr;
    const py::handle option(reinterpret_cast<PyObject*>(type));
    const auto wanted = py::cast<std::string>(value);
    std::string known;
    for (const auto& item : py::dict(option.attr("__members__"))) {
        const auto name = in_small_letters(py::cast<std::string>(item.first));
        if (name == wanted)
            return item.second.inc_ref().ptr();
        known += (known.empty() ? "" : ", ") + name;
    }
    throw py::value_error("unknown " +
                          in_words(py::cast<std::string>(option.attr("__name__"))) +
                          " '" + wanted + "'; there are " + known);
}

// py::implicitly_convertible would do, but it hides why a string is refused.
template <typename Option>
void accept_names()
{
    py::detail::get_type_info(typeid(Option))->implicit_conversions.push_back(from_name);
}

} // namespace

// Where a block takes one of these options, flowgraphs may give the name of a member
// instead.
void bind_option_names(py::module&)
{
    accept_names<gr::htrd::frame_scaling_t>();
    accept_names<gr::htrd::perturbation_mode_t>();
    accept_names<gr::htrd::stream_reference_t>();
}
