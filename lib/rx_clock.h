/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_RX_CLOCK_H
#define INCLUDED_HTRD_RX_CLOCK_H

#include <pmt/pmt.h>
#include <cmath>
#include <cstdint>

namespace gr {
namespace htrd {

/*!
 * \brief Time of any sample, from the last `rx_time` tag before it and the sample rate.
 */
class rx_clock
{
public:
    //! \param samp_rate in samples per second; 0: not known, the clock takes no tag
    explicit rx_clock(double samp_rate) : d_samp_rate(samp_rate) {}

    //! Whether this is a time that the clock can be set to: (uint64 seconds, double
    //! fraction from 0 to below 1).
    bool takes(const pmt::pmt_t& time) const
    {
        if (!(d_samp_rate > 0 && pmt::is_tuple(time) && pmt::length(time) == 2 &&
              pmt::is_uint64(pmt::tuple_ref(time, 0)) &&
              pmt::is_real(pmt::tuple_ref(time, 1))))
            return false;
        const double fraction = pmt::to_double(pmt::tuple_ref(time, 1));
        return fraction >= 0 && fraction < 1;
    }

    //! The sample at `offset` was received at `time`, which the clock takes.
    void set(uint64_t offset, const pmt::pmt_t& time)
    {
        d_offset = offset;
        d_seconds = pmt::to_uint64(pmt::tuple_ref(time, 0));
        d_fraction = pmt::to_double(pmt::tuple_ref(time, 1));
        d_is_set = true;
    }

    //! Samples by which `time`, which the clock takes, is later than the clock says of
    //! the sample at `offset`.
    double late(uint64_t offset, const pmt::pmt_t& time) const
    {
        const double seconds =
            static_cast<double>(pmt::to_uint64(pmt::tuple_ref(time, 0))) -
            static_cast<double>(d_seconds) + pmt::to_double(pmt::tuple_ref(time, 1)) -
            d_fraction;
        return seconds * d_samp_rate - static_cast<double>(offset - d_offset);
    }

    bool is_set() const { return d_is_set; }

    //! When the sample at `offset`, not before the one that the clock was set by, was
    //! received.
    pmt::pmt_t at(uint64_t offset) const
    {
        // The remainder is exact: no precision is lost over days of samples.
        const double samples = static_cast<double>(offset - d_offset);
        const double rest = std::fmod(samples, d_samp_rate);
        const double fraction = d_fraction + rest / d_samp_rate;
        const double carry = std::floor(fraction);
        const auto seconds =
            static_cast<uint64_t>(std::llround((samples - rest) / d_samp_rate) + carry);
        return pmt::make_tuple(pmt::from_uint64(d_seconds + seconds),
                               pmt::from_double(fraction - carry));
    }

private:
    double d_samp_rate;
    uint64_t d_offset = 0;
    uint64_t d_seconds = 0;
    double d_fraction = 0;
    bool d_is_set = false;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_RX_CLOCK_H */
