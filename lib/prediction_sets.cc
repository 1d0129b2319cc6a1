/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "prediction_sets.h"
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace gr {
namespace htrd {

prediction_sets::prediction_sets(const decision_calibration& calibration)
    : d_lowest(calibration.lowest), d_labels(calibration.snr_db)
{
    if (d_lowest.empty() || d_lowest.size() != d_labels.size())
        throw std::invalid_argument("a calibration needs bins, each with a lowest log "
                                    "posterior and an SNR label");
    d_by_label = std::none_of(
        d_labels.begin(), d_labels.end(), [](double label) { return std::isnan(label); });
    d_least = *std::min_element(d_lowest.begin(), d_lowest.end());
}

double prediction_sets::lowest(double snr_db) const
{
    if (std::isnan(snr_db) || !d_by_label)
        return d_least;
    const auto nearest = std::min_element(
        d_labels.begin(), d_labels.end(), [snr_db](double one, double other) {
            return std::abs(snr_db - one) < std::abs(snr_db - other);
        });
    return d_lowest[nearest - d_labels.begin()];
}

void prediction_sets::decide(frame_batch& batch) const
{
    batch.in_set.resize(batch.log_posteriors.size());
    const size_t classes = batch.size() ? batch.in_set.size() / batch.size() : 0;
    for (size_t row = 0; row < batch.size(); row++) {
        const double least = lowest(batch.facts(row).snr_db);
        const auto begin = batch.log_posteriors.begin() + row * classes;
        std::transform(begin,
                       begin + classes,
                       batch.in_set.begin() + row * classes,
                       [least](float posterior) { return posterior >= least; });
    }
}

} // namespace htrd
} // namespace gr
