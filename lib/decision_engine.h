/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DECISION_ENGINE_H
#define INCLUDED_HTRD_DECISION_ENGINE_H

#include <gnuradio/htrd/native_classifier.h>
#include <cstddef>
#include <memory>

namespace gr {
namespace htrd {

/*!
 * \brief Computes the graphs of a model.
 */
class decision_engine
{
public:
    virtual ~decision_engine() = default;

    /*!
     * \brief Scores and logits of frames; from any thread, which computes them itself.
     * \param iq frames, [count][2][frame_length]
     * \param count of frames
     * \param scores [count][classes]
     * \param logits the same; null: not wanted
     * \throws std::exception of any kind when the runtime fails
     */
    virtual void run(const float* iq, size_t count, float* scores, float* logits) = 0;
};

/*!
 * \brief An engine for a model, which `streams` threads ask at once.
 *
 * The runtime is in a library of its own, which is loaded here for the first time.
 * \throws std::runtime_error when it is not there
 * \throws std::invalid_argument for a model that it cannot run
 */
std::unique_ptr<decision_engine> make_engine(const decision_model& model, int streams);

//! Why the runtime is not there; empty when it is.
std::string missing_runtime();

//! What that library exports, under this name.
extern "C" {
typedef decision_engine* (*engine_maker)(const decision_model& model, int streams);
}
constexpr const char* ENGINE_MAKER = "htrd_make_engine";

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DECISION_ENGINE_H */
