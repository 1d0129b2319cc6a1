/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "control_messages.h"
#include <stdexcept>

namespace gr {
namespace htrd {

void control_messages::apply(const pmt::pmt_t& message)
{
    // A dictionary is also a pair, but of a pair.
    if (pmt::is_pair(message) && pmt::is_symbol(pmt::car(message))) {
        set(pmt::car(message), pmt::cdr(message));
        return;
    }
    if (!pmt::is_dict(message) || !pmt::is_pair(message)) {
        warn("form", "control message ignored: not a (name, value) pair or dictionary");
        return;
    }
    for (pmt::pmt_t rest = message; pmt::is_pair(rest); rest = pmt::cdr(rest)) {
        const pmt::pmt_t item = pmt::car(rest);
        if (pmt::is_pair(item))
            set(pmt::car(item), pmt::cdr(item));
    }
}

void control_messages::set(const pmt::pmt_t& name, const pmt::pmt_t& value)
{
    // Of other PMTs, write_string() may be as long as a message, or never return
    const std::string text =
        pmt::is_symbol(name) ? pmt::symbol_to_string(name).substr(0, 40) : "without a name";
    const auto setter = d_setters.find(text);
    if (setter == d_setters.end()) {
        warn("name", "control message " + text + " ignored: there is no such setting");
        return;
    }
    try {
        setter->second(value);
    } catch (const std::exception& error) { // also those of PMT
        warn(text, "control message " + text + " ignored: " + error.what());
    }
}

void control_messages::warn(const std::string& kind, const std::string& text)
{
    if (d_said.insert(kind).second)
        d_logger->warn("{:s} (said once)", text);
}

double as_number(const pmt::pmt_t& value)
{
    if (pmt::is_uint64(value))
        return pmt::to_uint64(value);
    if (pmt::is_integer(value) || pmt::is_real(value))
        return pmt::to_double(value);
    throw std::invalid_argument("not a number");
}

bool as_switch(const pmt::pmt_t& value)
{
    if (pmt::is_bool(value))
        return pmt::to_bool(value);
    const double number = as_number(value);
    if (number != 0 && number != 1)
        throw std::invalid_argument("neither true nor false");
    return number == 1;
}

} // namespace htrd
} // namespace gr
