/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "decision_engine.h"
#include <openvino/openvino.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace gr {
namespace htrd {
namespace {

/* For one number of frames OpenVINO makes faster code than for any: these are the numbers that it
   is asked for. The largest keeps feature maps in a core's cache. */
constexpr std::array<size_t, 3> SIZES = { 64, 8, 1 };

// What is read behind some frames: the smallest of these numbers that half of them fill
size_t size_for(size_t frames)
{
    for (const size_t size : SIZES)
        if (frames > size / 2)
            return size;
    return SIZES.back();
}

// The graphs of a model for a number of frames
class compiled_graphs
{
public:
    compiled_graphs(ov::Core& core, const decision_model& model, size_t rows, int streams)
    {
        for (size_t part = 0; part < model.graphs.size(); part++) {
            const auto graph = core.read_model(model.graphs[part], ov::Tensor());
            std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
            for (const auto& input : graph->inputs()) {
                shapes[input] = input.get_partial_shape();
                shapes[input][0] = static_cast<int64_t>(rows);
            }
            graph->reshape(shapes);
            const bool exact = model.precisions.at(part) == "f32";
            d_models.push_back(core.compile_model(
                graph,
                "CPU",
                ov::hint::inference_precision(exact ? ov::element::f32 : ov::element::bf16),
                ov::inference_num_threads(streams),
                ov::num_streams(ov::streams::Num(streams))));
        }
        const size_t length = model.frame_length, classes = model.classes.size();
        if (d_models.front().input("iq").get_shape() != ov::Shape{ rows, 2, length })
            throw std::invalid_argument("it takes frames of another length");
        if (d_models.back().output("scores").get_shape() != ov::Shape{ rows, classes })
            throw std::invalid_argument("it does not give a score for each class");
    }

    std::vector<ov::CompiledModel>& models() { return d_models; }

private:
    std::vector<ov::CompiledModel> d_models;
};

// What one thread needs to run graphs, one after the other, for a number of frames
class requests
{
public:
    requests(compiled_graphs& graphs, size_t rows, const decision_model& facts)
        : d_shape{ rows, 2, static_cast<size_t>(facts.frame_length) },
          d_classes(facts.classes.size()),
          d_logits_output(facts.logits_output)
    {
        for (auto& model : graphs.models())
            d_requests.push_back(model.create_infer_request());
        if (d_requests.size() > 1)
            for (const auto& output : graphs.models().front().outputs())
                for (auto& request : d_requests)
                    request.set_tensor(output.get_any_name(),
                                       d_requests.front().get_tensor(output.get_any_name()));
    }

    // Decide `rows` frames, and give the scores of the first `count` of them.
    void run(const float* iq, size_t count, float* scores, float* logits)
    {
        // The runtime only reads it
        const ov::Tensor input(ov::element::f32, d_shape, const_cast<float*>(iq));
        for (auto& request : d_requests) {
            request.set_tensor("iq", input);
            request.infer();
        }
        copy("scores", count, scores);
        if (logits)
            copy(d_logits_output, count, logits);
    }

private:
    void copy(const std::string& name, size_t count, float* into)
    {
        const ov::Tensor found = d_requests.back().get_tensor(name);
        std::copy_n(found.data<const float>(), count * d_classes, into);
    }

    const ov::Shape d_shape;
    const size_t d_classes;
    const std::string d_logits_output;
    std::vector<ov::InferRequest> d_requests;
};

// What one thread needs to decide any number of frames
class lane
{
public:
    lane(std::vector<compiled_graphs>& graphs, const decision_model& facts)
        : d_frame_size(2 * facts.frame_length),
          d_classes(facts.classes.size()),
          d_filled(SIZES.front() * d_frame_size)
    {
        for (size_t each = 0; each < SIZES.size(); each++)
            d_requests.emplace_back(graphs[each], SIZES[each], facts);
    }

    void run(const float* iq, size_t count, float* scores, float* logits)
    {
        for (size_t done = 0; done < count;) {
            const size_t size = size_for(count - done), rows = std::min(size, count - done);
            const float* frames = iq + done * d_frame_size;
            if (rows < size) { // there may be nothing to read behind the frames
                std::copy_n(frames, rows * d_frame_size, d_filled.data());
                frames = d_filled.data();
            }
            const auto which = std::find(SIZES.begin(), SIZES.end(), size) - SIZES.begin();
            d_requests[which].run(frames,
                                  rows,
                                  scores + done * d_classes,
                                  logits ? logits + done * d_classes : nullptr);
            done += rows;
        }
    }

private:
    const size_t d_frame_size; // floats
    const size_t d_classes;
    std::vector<float> d_filled; // frames, and whatever makes their number one of SIZES
    std::vector<requests> d_requests;
};

class openvino_engine : public decision_engine
{
public:
    openvino_engine(const decision_model& model, int streams) : d_facts(model)
    {
        for (const size_t size : SIZES)
            d_graphs.emplace_back(core(), model, size, streams);
        d_facts.graphs.clear();
    }

    void run(const float* iq, size_t count, float* scores, float* logits) override
    {
        auto own = take();
        own->run(iq, count, scores, logits);
        // A lane that failed is not used again: it is not in a known state
        const std::lock_guard<std::mutex> guard(d_mutex);
        d_free.push_back(std::move(own));
    }

private:
    static ov::Core& core()
    {
        static ov::Core the_core;
        return the_core;
    }

    std::unique_ptr<lane> take()
    {
        const std::lock_guard<std::mutex> guard(d_mutex);
        if (d_free.empty())
            return std::make_unique<lane>(d_graphs, d_facts);
        auto own = std::move(d_free.back());
        d_free.pop_back();
        return own;
    }

    decision_model d_facts; // without its graphs
    std::vector<compiled_graphs> d_graphs;
    std::mutex d_mutex;
    std::vector<std::unique_ptr<lane>> d_free;
};

} // namespace
} // namespace htrd
} // namespace gr

extern "C" __attribute__((visibility("default"))) gr::htrd::decision_engine*
htrd_make_engine(const gr::htrd::decision_model& model, int streams)
{
    try {
        return new gr::htrd::openvino_engine(model, streams);
    } catch (const std::exception& error) {
        throw std::invalid_argument(std::string("OpenVINO cannot run this model: ") +
                                    error.what());
    }
}
