/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_MODEL_IN_FORCE_H
#define INCLUDED_HTRD_MODEL_IN_FORCE_H

#include "decision_engine.h"
#include "drift_monitor.h"
#include "frame_batch.h"
#include "prediction_sets.h"
#include "worker_pool.h"
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace gr {
namespace htrd {

/*!
 * \brief The model and the threshold that decide, exchanged while batches are decided.
 *
 * A batch is decided by the model and the threshold that were in force when it began.
 */
class model_in_force
{
public:
    //! What decided a batch
    struct in_force {
        double threshold = 0;
        std::shared_ptr<drift_monitor> drift; // null: the model is not calibrated
    };

    //! \param warn called with a text for frames that are not scaled as the model expects
    model_in_force(const decision_model& model,
                   int streams,
                   std::function<void(const std::string&)> warn);

    /*!
     * \brief Decide frames; returns what was in force.
     * \param batch gets labels and scores, and prediction sets of a model that has them
     * \param with_posteriors whether it gets log posteriors in any case
     * \param pool shares the work out
     * \throws std::exception of any kind when the runtime fails or has no logits
     */
    in_force decide(frame_batch& batch, bool with_posteriors, worker_pool& pool) const;

    std::optional<double> threshold() const;

    //! Of the model in force; null: it is not calibrated
    std::shared_ptr<drift_monitor> drift() const;

    void set_threshold(std::optional<double> value);
    void set_target_rejection(std::optional<double> value);
    void replace(const decision_model& model);

private:
    struct loaded {
        loaded(const decision_model& model, int streams);

        decision_model facts;
        std::unique_ptr<decision_engine> engine;
        std::optional<prediction_sets> sets; // where there are logits
        std::shared_ptr<drift_monitor> drift;
    };

    void scale(frame_batch& batch, const decision_model& facts) const;
    void label(frame_batch& batch, size_t classes, double threshold) const;
    void normalize(frame_batch& batch, size_t classes) const;

    const int d_streams;
    const std::function<void(const std::string&)> d_warn;
    mutable std::mutex d_mutex;
    std::shared_ptr<const loaded> d_model;
    std::optional<double> d_target;
    double d_threshold;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_MODEL_IN_FORCE_H */
