/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_OPTIONS_H
#define INCLUDED_HTRD_OPTIONS_H

namespace gr {
namespace htrd {

/*!
 * \brief How frame_sampler scales its frames.
 * \ingroup htrd
 */
enum class frame_scaling_t {
    NONE,    //!< not at all
    SUM_ABS, //!< the magnitudes of a frame's samples add up to 1
};

/*!
 * \brief Which level perturbation_adder keeps.
 * \ingroup htrd
 */
enum class perturbation_mode_t {
    PNR, //!< the perturbation-to-noise ratio
    PSR, //!< the perturbation-to-signal ratio
};

/*!
 * \brief What the stream is that perturbation_adder adds to: where its noise power comes
 * from. \ingroup htrd
 */
enum class stream_reference_t {
    RECEIVED,    //!< a received signal, noise included: P/(SNR + 1)
    TRANSMITTED, //!< a clean signal that is about to be transmitted: P/SNR
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_OPTIONS_H */
