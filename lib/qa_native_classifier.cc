/* SPDX-License-Identifier: GPL-3.0-or-later */

// The parts of native_classifier, and flowgraphs of it around an engine that is made here;
// qa_native_classifier.py has real models.

#include "decision_engine.h"
#include "decision_tally.h"
#include "frame_tags.h"
#include "live_queue.h"
#include "native_classifier_impl.h"
#include "threshold.h"
#include "worker_pool.h"
#include <gnuradio/blocks/message_debug.h>
#include <gnuradio/blocks/vector_sink.h>
#include <gnuradio/blocks/vector_source.h>
#include <gnuradio/top_block.h>
#include <boost/test/unit_test.hpp>
#include <atomic>
#include <numeric>
#include <thread>

using namespace gr::htrd;
using namespace std::chrono_literals;

namespace {

constexpr int LENGTH = 16;
std::atomic<bool> is_broken{ false };

// Scores of two classes: the first sample's real part, and its negative
class sign_engine : public decision_engine
{
public:
    void run(const float* iq, size_t count, float* scores, float* logits) override
    {
        if (is_broken)
            throw std::runtime_error("out of memory");
        for (size_t row = 0; row < count; row++) {
            scores[2 * row] = iq[2 * LENGTH * row];
            scores[2 * row + 1] = -scores[2 * row];
        }
        if (logits)
            std::copy_n(scores, 2 * count, logits);
    }
};

decision_model sign_model()
{
    decision_model model;
    model.graphs = { "of this file" };
    model.precisions = { "f32" };
    model.classes = { "plus", "minus" };
    model.frame_length = LENGTH;
    model.logits_output = "logits";
    model.score_quantiles = { 0.0, 1.0, 2.0 };
    model.threshold = 0.5;
    return model;
}

// Frames of the given real values
std::vector<gr_complex> frames_of(const std::vector<float>& values)
{
    std::vector<gr_complex> samples;
    for (const float value : values)
        samples.insert(samples.end(), LENGTH, value);
    return samples;
}

std::shared_ptr<native_classifier_impl> make_block(bool live)
{
    return gnuradio::make_block_sptr<native_classifier_impl>(
        sign_model(), live, 1.0, 8, 64, true, 2, nullptr);
}

std::vector<frame_facts> facts_of(size_t count)
{
    return std::vector<frame_facts>(count);
}

template <typename Condition>
void wait_for(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + 100s;
    while (!condition()) {
        BOOST_REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(2ms);
    }
}

gr::tag_t make_tag(uint64_t offset, const char* key, const pmt::pmt_t& value)
{
    gr::tag_t tag;
    tag.offset = offset;
    tag.key = pmt::intern(key);
    tag.value = value;
    return tag;
}

} // namespace

// In the place of the runtime's
std::unique_ptr<decision_engine> gr::htrd::make_engine(const decision_model&, int)
{
    return std::make_unique<sign_engine>();
}

std::string gr::htrd::missing_runtime() { return ""; }

BOOST_AUTO_TEST_CASE(thresholds)
{
    const std::vector<double> quantiles{ -1, 0, 4 };
    BOOST_TEST(threshold_for(quantiles, 0) == -1);
    BOOST_TEST(threshold_for(quantiles, 0.75) == 2);
    BOOST_TEST(threshold_for(quantiles, 1) == 4);
    BOOST_CHECK_THROW(threshold_for(quantiles, 1.1), std::invalid_argument);
    BOOST_CHECK_THROW(threshold_for(quantiles, NAN), std::invalid_argument);
    BOOST_CHECK_THROW(threshold_for({}, 0.1), std::invalid_argument);
    BOOST_TEST(checked_threshold(quantiles, 4) == 4);
    BOOST_CHECK_THROW(checked_threshold(quantiles, 4.1), std::invalid_argument);
    BOOST_CHECK_THROW(checked_threshold(quantiles, NAN), std::invalid_argument);
    BOOST_CHECK_THROW(checked_threshold({}, 0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(queue_drops_the_oldest)
{
    live_queue queue(5, 3, LENGTH);
    const auto samples = frames_of({ 0, 1, 2, 3, 4, 5, 6 });
    auto facts = facts_of(7);
    for (size_t row = 0; row < facts.size(); row++)
        facts[row].frame_index = row;
    queue.put(samples.data(), facts);
    BOOST_TEST(queue.size() == 5);
    BOOST_TEST(queue.dropped() == 2);
    queue.close(1h);
    std::vector<int64_t> left;
    while (auto taken = queue.take(0s, 0s)) {
        for (size_t row = 0; row < taken->batch->size(); row++) {
            left.push_back(taken->batch->facts(row).frame_index);
            BOOST_TEST(taken->batch->iq()[2 * LENGTH * row] == left.back());
        }
        queue.give_back(std::move(taken->batch));
    }
    BOOST_TEST(left == std::vector<int64_t>({ 2, 3, 4, 5, 6 }));
    queue.open();
    queue.put(samples.data(), facts_of(2));
    BOOST_TEST(queue.clear() == 2);
    BOOST_TEST(queue.size() == 0);
    BOOST_TEST(!queue.take(1h, 0s)->batch);
}

BOOST_AUTO_TEST_CASE(queue_counts_every_frame_once)
{
    live_queue queue(100, 7, LENGTH);
    std::atomic<uint64_t> decided{ 0 };
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < 3; lane++)
        lanes.emplace_back([&] {
            while (auto taken = queue.take(1ms, 1ms))
                if (taken->batch) {
                    decided += taken->batch->size();
                    queue.give_back(std::move(taken->batch));
                }
        });
    const auto samples = frames_of(std::vector<float>(50, 1));
    for (size_t piece = 0; piece < 2000; piece++)
        queue.put(samples.data(), facts_of(piece % 50));
    queue.close(1ms);
    for (auto& lane : lanes)
        lane.join();
    const uint64_t left = queue.clear();
    BOOST_TEST(queue.accepted() == 2000 / 50 * (49 * 50 / 2));
    BOOST_TEST(queue.accepted() == decided + queue.dropped() + left);
}

BOOST_AUTO_TEST_CASE(pool_does_every_part_once)
{
    worker_pool pool;
    std::vector<std::atomic<int>> done(100);
    const auto part = [&done](size_t number) { done[number]++; };
    pool.run(10, part); // in this thread
    pool.start(3);
    for (int job = 0; job < 200; job++)
        pool.run(done.size(), part);
    pool.run(0, part);
    const auto bad = [](size_t number) {
        if (number == 5)
            throw std::runtime_error("5");
    };
    BOOST_CHECK_THROW(pool.run(50, bad), std::runtime_error);
    pool.run(done.size(), part); // as before
    pool.stop();
    pool.run(10, part);
    for (size_t number = 0; number < done.size(); number++)
        BOOST_TEST(done[number] == (number < 10 ? 203 : 201));
}

BOOST_AUTO_TEST_CASE(tally_reports)
{
    decision_tally tally;
    BOOST_TEST(pmt::is_null(tally.report()));
    frame_batch batch(LENGTH);
    const auto samples = frames_of({ 1, 0 });
    const auto now = frame_batch::clock::now();
    for (int row = 0; row < 101; row++)
        batch.append(samples.data(), frame_facts(), now - row * 10ms);
    batch.append(samples.data() + LENGTH, frame_facts(), now - 1010ms);
    batch.label.assign(102, 0);
    batch.label.back() = -1;
    tally.add(batch);
    tally.discard(3);
    const auto counts = tally.so_far();
    BOOST_TEST(counts.decided == 102);
    BOOST_TEST(counts.rejected == 1);
    BOOST_TEST(counts.invalid == 1);
    BOOST_TEST(counts.discarded == 3);
    const auto said = tally.report();
    const auto number = [&said](const char* name) {
        return pmt::to_double(pmt::dict_ref(said, pmt::intern(name), pmt::PMT_NIL));
    };
    BOOST_TEST(number("rate") == 0);
    // Of 0, 10 ... 1010 ms before the call of add()
    BOOST_TEST(number("latency_ms") - number("latency_p50_ms") == 494.9,
               boost::test_tools::tolerance(1e-3));
    BOOST_TEST(number("latency_p50_ms") >= 505);
    BOOST_TEST(pmt::is_null(tally.report())); // a second has not passed
}

BOOST_AUTO_TEST_CASE(tags_that_are_names)
{
    std::vector<std::string> warned;
    frame_tags reader(
        [&warned](const std::string& kind, const std::string&) { warned.push_back(kind); });
    const std::vector<std::string> good{ "QPSK", "8-PSK π/4", "\xf0\x9f\x93\xa1" };
    const std::vector<std::string> bad{ "",         "a\nb",     "\x7f",     "\xc2\x85",
                                        "\xff",     "\xc3",     "\xe2\x80", "\xed\xa0\x80",
                                        "\xc0\x80", std::string(101, 'x') };
    auto facts = facts_of(1);
    for (const auto& name : good) {
        reader.read({ make_tag(7, "modulation", pmt::intern(name)) }, 7, facts);
        BOOST_TEST(pmt::symbol_to_string(facts[0].truth) == name);
    }
    BOOST_TEST(warned.empty());
    for (const auto& name : bad) {
        reader.read({ make_tag(7, "modulation", pmt::intern(name)) }, 7, facts);
        BOOST_TEST(!facts[0].truth);
    }
    BOOST_TEST(warned.size() == bad.size());
}

BOOST_AUTO_TEST_CASE(tags_of_frames)
{
    frame_tags reader([](const std::string&, const std::string&) {});
    auto facts = facts_of(3);
    reader.read({ make_tag(10, "snr_db", pmt::from_long(3)),
                  make_tag(11, "frame_index", pmt::from_uint64(99)),
                  make_tag(11, "scaling", pmt::intern("none")),
                  make_tag(12, "frame_index", pmt::from_double(0.5)),
                  make_tag(12, "sample_offset", pmt::from_uint64(UINT64_MAX)),
                  make_tag(12, "snr_db", pmt::from_double(1)),
                  make_tag(12, "snr_db", pmt::from_double(2)) },
                10,
                facts);
    BOOST_TEST(facts[0].frame_index == 10);
    BOOST_TEST(facts[0].snr_db == 3);
    BOOST_TEST(facts[1].frame_index == 99);
    BOOST_TEST(facts[1].as_is);
    BOOST_TEST(facts[2].frame_index == 12);
    BOOST_TEST(facts[2].sample_offset == -1);
    BOOST_TEST(facts[2].snr_db == 2);
    BOOST_TEST(std::isnan(facts[2].pnr_db));
}

BOOST_AUTO_TEST_CASE(replay)
{
    std::vector<float> values;
    for (int row = 0; row < 500; row++)
        values.push_back(row % 3 - 1); // 0 is not valid
    auto flowgraph = gr::make_top_block("replay");
    auto source = gr::blocks::vector_source_c::make(frames_of(values), false, LENGTH);
    auto block = make_block(false);
    auto labels = gr::blocks::vector_sink_s::make();
    auto decisions = gr::blocks::message_debug::make();
    flowgraph->connect(source, 0, block, 0);
    flowgraph->connect(block, 0, labels, 0);
    flowgraph->msg_connect(block, "decisions", decisions, "store");
    flowgraph->run();
    const auto found = labels->data();
    BOOST_REQUIRE(found.size() == values.size());
    for (size_t row = 0; row < found.size(); row++)
        BOOST_TEST(found[row] == (values[row] == 0 ? -1 : values[row] > 0 ? 0 : 1));
    const auto counts = block->status();
    BOOST_TEST(counts.at("decided") == 500);
    BOOST_TEST(counts.at("invalid") == 167);
    BOOST_TEST(counts.at("rejected") == 167);
}

BOOST_AUTO_TEST_CASE(live_with_an_engine_that_fails_for_a_while)
{
    auto flowgraph = gr::make_top_block("live");
    auto source = gr::blocks::vector_source_c::make(frames_of({ 1, -1 }), true, LENGTH);
    auto block = make_block(true);
    flowgraph->connect(source, 0, block, 0);
    is_broken = true;
    flowgraph->start();
    wait_for([&block] { return block->status().at("discarded") > 100; });
    is_broken = false;
    wait_for([&block] { return block->status().at("decided") > 1000; });
    std::thread setter([&block] {
        for (int round = 0; round < 200; round++) {
            block->set_threshold(round % 2);
            block->set_target_rejection(0.25);
            block->replace_model(sign_model());
            block->status();
        }
    });
    setter.join();
    flowgraph->stop();
    flowgraph->wait();
    const auto counts = block->status();
    BOOST_TEST(counts.at("queued") == 0);
    BOOST_TEST(counts.at("accepted") ==
               counts.at("decided") + counts.at("dropped") + counts.at("discarded"));
    BOOST_TEST(*block->threshold() == 0.5); // of the target
}

BOOST_AUTO_TEST_CASE(a_score_at_the_threshold_is_accepted)
{
    const float score = 0.7f; // as a double below 0.7
    auto model = sign_model();
    model.threshold = 0.7;
    const model_in_force deciding(model, 1, [](const std::string&) {});
    frame_batch batch(LENGTH);
    const auto samples = frames_of({ score });
    batch.append(samples.data(), frame_facts(), frame_batch::clock::now());
    worker_pool pool;
    deciding.decide(batch, false, pool);
    BOOST_REQUIRE(static_cast<double>(score) < model.threshold);
    BOOST_TEST(batch.label[0] == 0);
}

BOOST_AUTO_TEST_CASE(models_that_do_not_fit)
{
    auto block = make_block(false);
    auto other = sign_model();
    other.classes = { "minus", "plus" };
    BOOST_CHECK_THROW(block->replace_model(other), std::invalid_argument);
    other = sign_model();
    other.frame_length++;
    BOOST_CHECK_THROW(block->replace_model(other), std::invalid_argument);
    BOOST_CHECK_THROW(block->set_model("htrd"), std::invalid_argument); // nothing loads it
    other = sign_model();
    other.score_quantiles.clear();
    block->set_target_rejection(0.5);
    block->replace_model(other);
    BOOST_TEST(!block->threshold());
    BOOST_CHECK_THROW(block->set_threshold(1.0), std::invalid_argument);
    block->replace_model(sign_model());
    BOOST_TEST(*block->threshold() == 1); // the target is in force again
}
