/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_MODEL_IN_FORCE_H
#define INCLUDED_HTRD_MODEL_IN_FORCE_H

#include "decision_engine.h"
#include "frame_batch.h"
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
    //! \param warn called with a text for frames that are not scaled as the model expects
    model_in_force(const decision_model& model,
                   int streams,
                   std::function<void(const std::string&)> warn);

    /*!
     * \brief Decide frames; returns the threshold that was in force.
     * \param batch gets labels and scores
     * \param with_logits whether it gets logits too
     * \param pool shares the work out
     * \throws std::exception of any kind when the runtime fails or has no logits
     */
    double decide(frame_batch& batch, bool with_logits, worker_pool& pool) const;

    std::optional<double> threshold() const;
    void set_threshold(std::optional<double> value);
    void set_target_rejection(std::optional<double> value);
    void replace(const decision_model& model);

private:
    struct loaded {
        loaded(const decision_model& model, int streams)
            : facts(model), engine(make_engine(model, streams))
        {
            facts.graphs.clear();
        }

        decision_model facts;
        std::unique_ptr<decision_engine> engine;
    };

    void scale(frame_batch& batch, const decision_model& facts) const;
    void label(frame_batch& batch, size_t classes, double threshold) const;

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
