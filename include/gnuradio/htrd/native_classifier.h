/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_NATIVE_CLASSIFIER_H
#define INCLUDED_HTRD_NATIVE_CLASSIFIER_H

#include <gnuradio/htrd/api.h>
#include <gnuradio/sync_block.h>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gr {
namespace htrd {

/*!
 * \brief A model's calibration, for sets of classes and an alarm when frames drift.
 * \ingroup htrd
 *
 * \details
 * The bins are the SNR labels that it was made at, each by itself, or one for all.
 */
struct HTRD_API decision_calibration {
    std::vector<double> lowest; //!< log posterior of a class in a set, one a bin
    std::vector<double> snr_db; //!< label of each bin in dB; NaN: of all labels
    std::vector<std::vector<double>> scores; //!< largest ones of benign frames, by class
    double false_alarm = 0.01; //!< probability of an alarm in a window, at most
    int64_t window = 10000;    //!< in frames that are looked at
    int64_t every = 1;         //!< one frame of so many is looked at
};

/*!
 * \brief A model as native_classifier takes it: computing graphs, and what is known of them.
 * \ingroup htrd
 *
 * \details
 * The graphs are ONNX models, as bytes. All take `iq`, float32 [frames, 2, frame_length], for
 * any number of frames; the second one also takes what the first one gives. The last one gives
 * `scores`, float32 [frames, classes], and may give the network's logits, of the same shape.
 */
struct HTRD_API decision_model {
    std::vector<std::string> graphs;     //!< one or two
    std::vector<std::string> precisions; //!< "f32" or "bf16", one a graph
    std::vector<std::string> classes;    //!< in the order of the scores
    int frame_length = 128;              //!< in samples
    std::string logits_output;           //!< the name that logits have; empty: there are none
    bool expects_scaled = false;         //!< trained with magnitudes that add up to 1 in a frame
    bool graph_scales = false;           //!< the first graph scales its input so
    bool scale_where_needed = false;     //!< scale so what is not scaled already
    std::vector<double> score_quantiles; //!< of benign frames; empty: no rejector
    double threshold = 0;                //!< of the rejector
    std::optional<decision_calibration> calibration; //!< of a model that has one
};

/*!
 * \brief Decides the modulation of each frame, or rejects it, without Python.
 * \ingroup htrd
 *
 * \details
 * Ports, messages and modes are those of the Python block; the network runs in OpenVINO, in
 * this process. Flowgraphs make it by `classifier(…, engine="native")`, which opens the model.
 *
 * Input 0, optional: frames, vectors of frame_length complex samples. In replay mode every
 * frame is decided; outputs, both optional, are the class as a short, -1 for a rejected frame,
 * and vectors of scores. In live mode the input never waits: frames go into a queue, of which
 * the oldest are dropped when it is full, and threads decide them in batches.
 */
class HTRD_API native_classifier : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<native_classifier> sptr;

    //! Loads the model of a name, and hands it to replace_model(), at once or later.
    typedef std::function<void(sptr, const std::string&)> loader;

    /*!
     * \param model what decides
     * \param live whether the input never waits, instead of every frame being decided
     * \param latency_ms a live batch starts as soon as it is full, or when its oldest frame has
     * waited this long
     * \param max_batch maximum number of frames in a live batch
     * \param queue_frames maximum number of frames that wait in live mode
     * \param publish_decisions whether a message is sent for each frame
     * \param threads how many decide at once; 0: one for each processor
     * \param load what set_model() calls
     *
     * \throws std::invalid_argument for a model that cannot be run, and values out of range
     * \throws std::runtime_error where the runtime is missing, see missing()
     */
    static sptr make(const decision_model& model,
                     bool live = false,
                     double latency_ms = 10.0,
                     int max_batch = 256,
                     int queue_frames = 2048,
                     bool publish_decisions = true,
                     int threads = 0,
                     loader load = nullptr);

    /*!
     * \brief Why no such block can be made here; empty where one can.
     */
    static std::string missing();

    /*!
     * \brief The threshold in force; nothing for a model without a rejector.
     */
    virtual std::optional<double> threshold() const = 0;

    /*!
     * \brief Sets the threshold for batches that begin from now on; from any thread.
     * \param value in the unit of the scores; nothing: the model's own
     * \throws std::invalid_argument without a rejector, and outside the model's benign scores
     */
    virtual void set_threshold(std::optional<double> value) = 0;

    /*!
     * \brief Sets the threshold that rejects a share of benign frames; from any thread.
     * \param value 0 to 1; nothing: the model's own threshold
     * \throws std::invalid_argument without a rejector, and out of range
     */
    virtual void set_target_rejection(std::optional<double> value) = 0;

    /*!
     * \brief Loads another model, which decides from a batch soon on; from any thread.
     * \param model name or file
     * \throws std::invalid_argument for an empty name, and where nothing can load it
     */
    virtual void set_model(const std::string& model) = 0;

    /*!
     * \brief Decides with another model from the next batch on; from any thread.
     *
     * A target rejection stays in force; a threshold, in the unit of the other scores, does not.
     * \param model what decides
     * \throws std::invalid_argument for a model with other classes or another frame length, and
     * one that cannot be run
     */
    virtual void replace_model(const decision_model& model) = 0;

    /*!
     * \brief Frames so far: accepted, decided, rejected, invalid, dropped, discarded; and queued.
     */
    virtual std::map<std::string, uint64_t> status() const = 0;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_NATIVE_CLASSIFIER_H */
