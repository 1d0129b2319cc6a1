/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "log_softmax.h"
#include "model_in_force.h"
#include "threshold.h"
#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace gr {
namespace htrd {
namespace {

constexpr double NEVER = -std::numeric_limits<double>::infinity(); // rejects by score
constexpr float NEARLY = 0.01; // of a frame's amplitude; what half precision rounds is far less

// Frames in one of the parts that some threads take from a batch
size_t part_size(size_t frames, size_t threads)
{
    constexpr size_t MOST = 64; // longer ones leave a thread idle at the end
    return std::clamp<size_t>((frames + threads - 1) / threads, 1, MOST);
}

double own_threshold(const decision_model& model)
{
    return model.score_quantiles.empty() ? NEVER : model.threshold;
}

std::string joined(const std::vector<std::string>& names)
{
    std::string made;
    for (const auto& name : names)
        made += (made.empty() ? "" : ", ") + name;
    return made;
}

} // namespace

model_in_force::loaded::loaded(const decision_model& model, int streams) : facts(model)
{
    if (const auto& calibration = model.calibration) {
        if (calibration->scores.size() != model.classes.size())
            throw std::invalid_argument("a calibration needs scores of each class");
        const prediction_sets made(*calibration);
        if (!model.logits_output.empty())
            sets.emplace(made);
        drift = std::make_shared<drift_monitor>(*calibration);
    }
    engine = make_engine(model, streams);
    facts.graphs.clear();
}

model_in_force::model_in_force(const decision_model& model,
                               int streams,
                               std::function<void(const std::string&)> warn)
    : d_streams(streams), d_warn(warn), d_threshold(own_threshold(model))
{
    d_model = std::make_shared<const loaded>(model, streams);
}

std::optional<double> model_in_force::threshold() const
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    if (d_model->facts.score_quantiles.empty())
        return std::nullopt;
    return d_threshold;
}

std::shared_ptr<drift_monitor> model_in_force::drift() const
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    return d_model->drift;
}

void model_in_force::set_threshold(std::optional<double> value)
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    const auto& facts = d_model->facts;
    d_threshold =
        value ? checked_threshold(facts.score_quantiles, *value) : own_threshold(facts);
    d_target.reset();
}

void model_in_force::set_target_rejection(std::optional<double> value)
{
    const std::lock_guard<std::mutex> guard(d_mutex);
    const auto& facts = d_model->facts;
    d_threshold =
        value ? threshold_for(facts.score_quantiles, *value) : own_threshold(facts);
    d_target = value;
}

void model_in_force::replace(const decision_model& model)
{
    const auto known = [this] {
        const std::lock_guard<std::mutex> guard(d_mutex);
        return d_model;
    }();
    if (model.classes != known->facts.classes)
        throw std::invalid_argument("its classes are " + joined(model.classes) + ", not " +
                                    joined(known->facts.classes));
    if (model.frame_length != known->facts.frame_length)
        throw std::invalid_argument("it takes frames of " +
                                    std::to_string(model.frame_length) + " samples, not " +
                                    std::to_string(known->facts.frame_length));
    const auto made = std::make_shared<const loaded>(model, d_streams);
    const std::lock_guard<std::mutex> guard(d_mutex);
    const auto& quantiles = made->facts.score_quantiles;
    d_threshold = d_target && !quantiles.empty() ? threshold_for(quantiles, *d_target)
                                                 : own_threshold(made->facts);
    d_model = made;
}

model_in_force::in_force
model_in_force::decide(frame_batch& batch, bool with_posteriors, worker_pool& pool) const
{
    std::unique_lock<std::mutex> guard(d_mutex);
    const auto model = d_model;
    const double threshold = d_threshold;
    guard.unlock();

    if (with_posteriors && model->facts.logits_output.empty())
        throw std::invalid_argument(
            "the ONNX file has no logits: export the model again with --logits");
    const bool with_logits = with_posteriors || model->sets;
    const size_t classes = model->facts.classes.size();
    batch.scores.resize(batch.size() * classes);
    batch.log_posteriors.resize(with_logits ? batch.size() * classes : 0);
    batch.label.resize(batch.size());
    batch.best.resize(batch.size());
    scale(batch, model->facts);
    const size_t size = part_size(batch.size(), std::max<size_t>(pool.threads().size(), 1));
    pool.run((batch.size() + size - 1) / size, [&](size_t part) {
        const size_t first = part * size;
        model->engine->run(batch.iq() + 2 * batch.frame_length() * first,
                           std::min(size, batch.size() - first),
                           batch.scores.data() + first * classes,
                           with_logits ? batch.log_posteriors.data() + first * classes
                                       : nullptr);
    });
    label(batch, classes, threshold);
    if (with_logits)
        normalize(batch, classes);
    batch.in_set.clear();
    if (model->sets)
        model->sets->decide(batch);
    return { threshold, model->drift };
}

// Scales where that is wanted; warns where it is not but should be.
void model_in_force::scale(frame_batch& batch, const decision_model& facts) const
{
    if (!facts.expects_scaled || facts.graph_scales)
        return;
    const size_t length = 2 * batch.frame_length();
    size_t judged = 0, far = 0;
    for (size_t row = 0; row < batch.size(); row++) {
        if (!batch.is_valid(row) || batch.facts(row).as_is)
            continue;
        const float gain = 1 / batch.sum_abs(row);
        judged++;
        far += !(std::abs(std::log2(gain)) <= 1);
        if (facts.scale_where_needed && !(std::abs(gain - 1) <= NEARLY)) {
            float* frame = batch.iq() + row * length;
            volk_32f_s32f_multiply_32f(frame, frame, gain, length);
        }
    }
    if (!facts.scale_where_needed && 2 * far > judged)
        d_warn("the model expects frames whose magnitudes add up to 1, and most of these are "
               "far from it: hardly one is decided right. Let them be scaled: scaling='auto'");
}

void model_in_force::label(frame_batch& batch, size_t classes, double threshold) const
{
    for (size_t row = 0; row < batch.size(); row++) {
        const auto begin = batch.scores.begin() + row * classes, end = begin + classes;
        if (!batch.is_valid(row))
            std::fill(begin, end, -std::numeric_limits<float>::infinity());
        const auto best = std::max_element(begin, end);
        const bool finite =
            std::all_of(begin, end, [](float score) { return std::isfinite(score); });
        const bool unknown =
            std::any_of(begin, end, [](float score) { return std::isnan(score); });
        batch.best[row] = unknown ? NAN : *best;
        // As the library compares: NumPy rounds the threshold to the type of the scores
        const bool accepted = finite && *best >= static_cast<float>(threshold);
        batch.label[row] = accepted ? best - begin : -1;
    }
}

// Makes log posteriors of logits.
void model_in_force::normalize(frame_batch& batch, size_t classes) const
{
    for (size_t row = 0; row < batch.size(); row++) {
        float* own = batch.log_posteriors.data() + row * classes;
        if (batch.is_valid(row))
            log_softmax(own, classes);
        else
            std::fill_n(own, classes, 0);
    }
}

} // namespace htrd
} // namespace gr
