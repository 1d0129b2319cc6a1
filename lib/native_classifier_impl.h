/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_NATIVE_CLASSIFIER_IMPL_H
#define INCLUDED_HTRD_NATIVE_CLASSIFIER_IMPL_H

#include "control_messages.h"
#include "decision_messages.h"
#include "decision_tally.h"
#include "frame_tags.h"
#include "live_queue.h"
#include "model_in_force.h"
#include "worker_pool.h"
#include <gnuradio/htrd/native_classifier.h>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace gr {
namespace htrd {

class native_classifier_impl : public native_classifier
{
public:
    native_classifier_impl(const decision_model& model,
                           bool live,
                           double latency_ms,
                           int max_batch,
                           int queue_frames,
                           bool publish_decisions,
                           int threads,
                           loader load);
    ~native_classifier_impl() override;

    std::optional<double> threshold() const override { return d_model.threshold(); }
    void set_threshold(std::optional<double> value) override
    {
        d_model.set_threshold(value);
    }
    void set_target_rejection(std::optional<double> value) override
    {
        d_model.set_target_rejection(value);
    }
    void set_model(const std::string& model) override;
    void replace_model(const decision_model& model) override { d_model.replace(model); }
    std::map<std::string, uint64_t> status() const override;

    void set_processor_affinity(const std::vector<int>& mask) override;
    void unset_processor_affinity() override;

    bool start() override;
    bool stop() override;
    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    void handle_control(const pmt::pmt_t& message);
    void handle_signals(const pmt::pmt_t& message);
    void handle_system(const pmt::pmt_t& message);

    void run_lane();
    void decide_live(live_queue::taken& taken);
    void stop_lanes();
    void bind_threads();

    void publish(const frame_batch& batch, const model_in_force::in_force& with);
    void discard(const frame_batch& batch, const std::string& reason);
    void report();
    void warn(const std::string& kind, const std::string& text);

    const size_t d_frame_length;
    const size_t d_classes;
    const int d_threads;
    const bool d_publish_decisions;
    const live_queue::clock::duration d_latency;
    const loader d_load;
    const decision_messages d_messages;
    model_in_force d_model;
    decision_tally d_tally;
    control_messages d_control;
    frame_tags d_frame_tags;

    std::mutex d_said_mutex;
    std::set<std::string> d_said;

    std::atomic<uint64_t> d_accepted{ 0 }; // without those of the queue
    int64_t d_of_signals = 0;
    std::vector<tag_t> d_tags; // on the input at hand
    std::vector<frame_facts> d_facts;
    frame_batch d_batch;  // of the thread that calls work()
    frame_batch d_signal; // of messages

    // Computes for the block's own thread: OpenVINO keeps something for each thread that it
    // runs on, and on those of GNU Radio crashes when it is destroyed
    worker_pool d_pool;

    // Live
    std::unique_ptr<live_queue> d_queue; // null in replay mode
    std::vector<std::thread> d_lanes;
    std::vector<int> d_affinity;
    std::mutex d_done_mutex;
    std::condition_variable d_is_done;
    uint64_t d_done = 0; // batches since the start
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_NATIVE_CLASSIFIER_IMPL_H */
