/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_WAVEFORM_H
#define INCLUDED_HTRD_WAVEFORM_H

#include <gnuradio/types.h>
#include <volk/volk_alloc.hh>
#include <string>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief A stored waveform, to be played in a circle.
 */
class waveform
{
public:
    /*!
     * \param samples the waveform
     * \param longest_piece most samples that are asked for at once
     * \throws std::invalid_argument when the samples are none, zero, or not finite
     */
    waveform(const std::vector<gr_complex>& samples, int longest_piece);

    int length() const { return d_length; }

    //! Mean of |w|^2.
    double power() const { return d_energy[d_length] / d_length; }

    //! The complex conjugate of the samples from `position` (below length()) on.
    const gr_complex* conjugate(int position) const { return &d_conjugate[position]; }

    //! Energy of `count` samples from `position` on.
    double energy(int position, int count) const
    {
        return d_energy[position + count] - d_energy[position];
    }

private:
    int d_length;
    volk::vector<gr_complex> d_conjugate; // with its beginning once more behind the end
    std::vector<double> d_energy;         // of all samples before each
};

//! Complex float32 samples of a file, 2^27 at most. Throws std::invalid_argument when it
//! cannot be read.
std::vector<gr_complex> read_cf32(const std::string& path);

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_WAVEFORM_H */
