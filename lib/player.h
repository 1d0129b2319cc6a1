/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PLAYER_H
#define INCLUDED_HTRD_PLAYER_H

#include <gnuradio/types.h>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace gr {
namespace htrd {

/*!
 * \brief Where a circular waveform is played, and turned by which angle.
 */
class player
{
public:
    player(
        int length, bool repeat, bool random_phase, bool random_offset, unsigned int seed)
        : d_length(length),
          d_repeat(repeat),
          d_random_phase(random_phase),
          d_random_offset(random_offset),
          d_random(seed)
    {
    }

    //! Begin (again). The angle is drawn first, then the sample.
    void start()
    {
        const double angle = d_random_phase ? 2 * M_PI * d_random() / RANGE : 0;
        d_rotation = gr_complex(std::cos(angle), std::sin(angle));
        d_position = d_random_offset ? (uint64_t(d_random()) * d_length) >> 32 : 0;
        d_left = d_length;
    }

    bool playing() const { return d_left > 0; }

    //! Samples until the end; as many as one likes when there is none.
    int room() const
    {
        return playing() && !d_repeat ? d_left : std::numeric_limits<int>::max();
    }

    //! Sample of the waveform that comes next.
    int position() const { return d_position; }

    //! The angle, as a complex number of magnitude 1.
    gr_complex rotation() const { return d_rotation; }

    //! `count` samples, room() at most, were played.
    void advance(int count)
    {
        if (!playing())
            return;
        d_position = (int64_t(d_position) + count) % d_length;
        if (!d_repeat)
            d_left -= count;
    }

private:
    static constexpr double RANGE = 4294967296.0; // numbers that the generator draws from

    int d_length;
    bool d_repeat;
    bool d_random_phase;
    bool d_random_offset;
    std::mt19937 d_random;
    int d_position = 0;
    int d_left =
        0; // samples until the end; more than 0 as long as a repeated waveform plays
    gr_complex d_rotation{ 1, 0 };
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PLAYER_H */
