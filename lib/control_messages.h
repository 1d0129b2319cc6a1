/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_CONTROL_MESSAGES_H
#define INCLUDED_HTRD_CONTROL_MESSAGES_H

#include <gnuradio/logger.h>
#include <pmt/pmt.h>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace gr {
namespace htrd {

/*!
 * \brief Dispatches the messages of a `control` port to a block's setters.
 *
 * A message is a pair (name, value), as Qt widgets send it, or a dictionary of such
 * pairs. Whatever else arrives, unknown names and values that a setter refuses with
 * std::invalid_argument are logged once and ignored.
 */
class control_messages
{
public:
    typedef std::map<std::string, std::function<void(const pmt::pmt_t&)>> setters;

    control_messages(gr::logger_ptr logger, const setters& setters)
        : d_logger(logger), d_setters(setters)
    {
    }

    //! Call the setter of each (name, value) in `message`.
    void apply(const pmt::pmt_t& message);

private:
    void set(const pmt::pmt_t& name, const pmt::pmt_t& value);
    void warn(const std::string& kind, const std::string& text);

    gr::logger_ptr d_logger;
    setters d_setters;
    std::set<std::string> d_said;
};

//! A message's value as a number; std::invalid_argument when it is none.
double as_number(const pmt::pmt_t& value);

//! A message's value as a bool; 0 and 1 count as such, anything else is
//! std::invalid_argument.
bool as_switch(const pmt::pmt_t& value);

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_CONTROL_MESSAGES_H */
