/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_BLOCK_POWER_H
#define INCLUDED_HTRD_BLOCK_POWER_H

#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {

/*!
 * \brief Average power of a stream, measured in blocks of fixed length.
 *
 * The mean of all blocks so far until there are as many as the time constant has, from
 * then on a first-order average. How the stream is cut into pieces makes no difference.
 */
class block_power
{
public:
    static constexpr int BLOCK = 64; // samples

    //! \param average time constant in samples
    explicit block_power(int average) : d_last_weight(double(BLOCK) / average) {}

    //! Samples until the end of the block: most that add() takes.
    int room() const { return BLOCK - d_filled; }

    //! Take `count` samples, whose |x|^2 add up to `energy`.
    void add(double energy, int count)
    {
        d_energy += energy;
        d_filled += count;
        if (d_filled < BLOCK)
            return;
        if (std::isfinite(d_energy)) {
            d_power += d_weight * (d_energy / BLOCK - d_power);
            d_weight =
                std::max(d_weight / (d_weight + 1), d_last_weight); // 1, 1/2, 1/3, ...
        }
        d_energy = d_filled = 0;
    }

    //! Mean of |x|^2; 0 before the end of the first block.
    double power() const { return d_power; }

private:
    double d_last_weight;
    double d_weight = 1;
    double d_power = 0;
    double d_energy = 0; // of the block at hand
    int d_filled = 0;    // its samples so far
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_BLOCK_POWER_H */
