/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PREDICTION_SETS_H
#define INCLUDED_HTRD_PREDICTION_SETS_H

#include "frame_batch.h"
#include <gnuradio/htrd/native_classifier.h>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief Which classes a frame may be of: those whose log posterior is not too low.
 *
 * As conformal.prediction_sets in python/robust_amc/rejection/conformal.py has it.
 */
class prediction_sets
{
public:
    //! \throws std::invalid_argument without bins, or where not each has a label
    explicit prediction_sets(const decision_calibration& calibration);

    //! Fill in_set of a batch, which has its log posteriors.
    void decide(frame_batch& batch) const;

    /*!
     * \brief The log posterior from which on a class is in the set.
     * \param snr_db of the frame, whose nearest label counts; NaN: not known, which gives
     * the lowest of all and so the largest set
     */
    double lowest(double snr_db) const;

private:
    const std::vector<double> d_lowest, d_labels; // of each bin
    bool d_by_label;
    double d_least;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PREDICTION_SETS_H */
