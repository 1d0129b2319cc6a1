/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "check.h"
#include "control_messages.h"
#include "decibels.h"
#include "signal_detector_impl.h"
#include <gnuradio/block_detail.h>
#include <gnuradio/buffer_reader.h>
#include <gnuradio/io_signature.h>
#include <algorithm>
#include <cmath>

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t SIGNALS = pmt::intern("signals");
const pmt::pmt_t SPECTRA = pmt::intern("spectra");
const pmt::pmt_t RX_TIME = pmt::intern("rx_time");
const pmt::pmt_t RX_FREQ = pmt::intern("rx_freq");
const pmt::pmt_t OVERFLOW_TAG = pmt::intern("overflow");
const pmt::pmt_t BURST_ID = pmt::intern("burst_id");
const pmt::pmt_t IS_LAST = pmt::intern("is_last");
const pmt::pmt_t START_OFFSET = pmt::intern("start_offset");
const pmt::pmt_t END_OFFSET = pmt::intern("end_offset");
const pmt::pmt_t START_TIME = pmt::intern("start_time");
const pmt::pmt_t DURATION = pmt::intern("duration");
const pmt::pmt_t SAMPLE_RATE = pmt::intern("sample_rate");
const pmt::pmt_t CENTER_FREQUENCY = pmt::intern("center_frequency");
const pmt::pmt_t RELATIVE_FREQUENCY = pmt::intern("relative_frequency");
const pmt::pmt_t BANDWIDTH = pmt::intern("bandwidth");
const pmt::pmt_t SNR = pmt::intern("snr_db");
const pmt::pmt_t NOISE_DENSITY = pmt::intern("noise_density");

constexpr double LOWEST_RATE = 1e-3, HIGHEST_RATE = 1e12; // per second
constexpr double HIGHEST_FREQUENCY = 1e15;                // Hz
constexpr double LOWEST_SNR = 1e-9;
constexpr float LARGEST = 1e12; // of a sample: powers of larger ones are not finite
constexpr double ON_TIME = 2;   // samples: times are rounded, and less is never lost

void must(bool good, const std::string& what) { check("signal_detector", good, what); }

double checked_rate(const char* name, double rate)
{
    must(std::isfinite(rate) && rate >= 0,
         std::string(name) + " must be 0 or more PDUs per second");
    return rate;
}

double checked_sample_rate(double rate)
{
    must(rate >= LOWEST_RATE && rate <= HIGHEST_RATE,
         "sample_rate must be 0.001 ... 1e12 per second");
    return rate;
}

bool is_frequency(double value) { return std::abs(value) <= HIGHEST_FREQUENCY; }

// A PMT dictionary that grows
class dictionary
{
public:
    void add(const pmt::pmt_t& key, const pmt::pmt_t& value)
    {
        d_pmt = pmt::dict_add(d_pmt, key, value);
    }
    void add(const pmt::pmt_t& key, double value) { add(key, pmt::from_double(value)); }
    void add(const pmt::pmt_t& key, uint64_t value) { add(key, pmt::from_uint64(value)); }
    void add(const char* key, uint64_t value) { add(pmt::intern(key), value); }
    const pmt::pmt_t& made() const { return d_pmt; }

private:
    pmt::pmt_t d_pmt = pmt::make_dict();
};

} // namespace

signal_detector::sptr signal_detector::make(double sample_rate,
                                            double center_frequency,
                                            int bins,
                                            int averaged,
                                            double open_db,
                                            double close_db,
                                            int bridged_bins,
                                            int bridged_spectra,
                                            int shortest,
                                            int longest,
                                            int most,
                                            double spectra_rate,
                                            double max_rate)
{
    detector_settings settings;
    settings.bins = bins;
    settings.averaged = averaged;
    settings.open_db = open_db;
    settings.close_db = close_db;
    settings.bridged_bins = bridged_bins;
    settings.bridged_spectra = bridged_spectra;
    settings.shortest = shortest;
    settings.longest = longest;
    settings.most = most;
    return gnuradio::make_block_sptr<signal_detector_impl>(
        sample_rate, center_frequency, checked(settings), spectra_rate, max_rate);
}

signal_detector_impl::signal_detector_impl(double sample_rate,
                                           double center_frequency,
                                           const detector_settings& settings,
                                           double spectra_rate,
                                           double max_rate)
    : gr::block("signal_detector",
                gr::io_signature::make(1, 1, sizeof(gr_complex)),
                gr::io_signature::make(0, 0, 0)),
      d_settings(settings),
      d_sample_rate(checked_sample_rate(sample_rate)),
      d_spectra_rate(checked_rate("spectra_rate", spectra_rate)),
      d_max_rate(checked_rate("max_rate", max_rate)),
      d_history(settings.size(), band_tracker::reach(settings)),
      d_spectrum(settings.bins, settings.averaged),
      d_tracker(settings),
      d_reducer(settings.bins),
      d_budget(max_rate),
      d_average(settings.bins),
      d_clock(sample_rate)
{
    set_center_frequency(center_frequency);
    set_open_db(settings.open_db);
    set_close_db(settings.close_db);
    d_tuned = center_frequency;
    message_port_register_out(SIGNALS);
    message_port_register_out(SPECTRA);
    message_port_register_out(STATUS);
}

void signal_detector_impl::set_center_frequency(double center_frequency)
{
    must(is_frequency(center_frequency), "center_frequency must be -1e15 ... 1e15 Hz");
    d_center_frequency = center_frequency;
}

void signal_detector_impl::set_open_db(double open_db)
{
    must(is_level(open_db), "open_db must be above 0 dB");
    d_open_db = open_db;
}

void signal_detector_impl::set_close_db(double close_db)
{
    must(is_level(close_db), "close_db must be above 0 dB");
    d_close_db = close_db;
}

bool signal_detector_impl::start()
{
    // GNU Radio counts samples from 0 whenever a flowgraph starts, after unlock() too.
    d_clock = rx_clock(d_sample_rate);
    d_cap = rate_cap();
    d_budget = pdu_budget(d_max_rate);
    d_tuned = d_center_frequency;
    d_tracker.finish();
    d_tracker.forget();
    d_has_ended = false;
    interrupt(0);
    return gr::block::start();
}

bool signal_detector_impl::stop()
{
    end();
    return gr::block::stop();
}

void signal_detector_impl::forecast(int, gr_vector_int& ninput_items_required)
{
    // One sample is left until it is known that no more come: what is sent in stop() may
    // reach nobody, so the last call has to know that it is the last.
    ninput_items_required[0] = is_end(1) ? 1 : 2;
}

int signal_detector_impl::general_work(int,
                                       gr_vector_int& ninput_items,
                                       gr_vector_const_void_star& input_items,
                                       gr_vector_void_star&)
{
    const auto in = static_cast<const gr_complex*>(input_items[0]);
    const bool ends = is_end(ninput_items[0]);
    const int count = ninput_items[0] - (ends ? 0 : 1);
    const uint64_t first = nitems_read(0);
    take_settings(first);
    get_tags_in_range(d_tags, 0, first, first + count);
    uint64_t next = first;
    for (const tag_t& tag : d_tags) {
        take(in + (next - first), tag.offset - next);
        next = tag.offset;
        heed(tag);
    }
    take(in + (next - first), first + count - next);
    consume_each(count);
    if (ends)
        end();
    else if (d_status_timer.due())
        report();
    return 0;
}

// Whether the source has ended, and no more than these samples are left.
bool signal_detector_impl::is_end(int available) const
{
    const auto input = detail()->input(0);
    gr::thread::scoped_lock guard(*input->mutex());
    return input->done() && input->items_available() <= available;
}

void signal_detector_impl::take_settings(uint64_t offset)
{
    d_tracker.set_levels(d_open_db, d_close_db);
    const double center_frequency = d_center_frequency;
    if (center_frequency != d_tuned)
        tune(center_frequency, offset);
}

void signal_detector_impl::take(const gr_complex* in, size_t count)
{
    const size_t size = d_settings.size();
    while (count > 0) {
        const size_t now = std::min(count, size - d_filled);
        std::copy_n(in, now, d_history.next() + d_filled);
        in += now;
        count -= now;
        d_filled += now;
        if (d_filled == size)
            take_spectrum();
    }
}

// The samples of a spectrum are there.
void signal_detector_impl::take_spectrum()
{
    gr_complex* samples = d_history.next();
    if (!d_spectrum.measure(samples)) {
        std::replace_if(
            samples,
            samples + d_settings.size(),
            [](const gr_complex& x) {
                return !(std::abs(x.real()) < LARGEST && std::abs(x.imag()) < LARGEST);
            },
            gr_complex(0));
        d_spectrum.measure(samples);
    }
    const uint64_t start = d_history.end();
    d_history.advance();
    d_filled = 0;
    d_samples += d_settings.size();
    d_budget.pass(d_settings.size() / d_sample_rate);
    send(d_tracker.push(d_spectrum.power(), start));
    d_left_out = d_tracker.left_out();
    show();
}

void signal_detector_impl::heed(const tag_t& tag)
{
    if (tag.key == RX_TIME) {
        heed_time(tag);
    } else if (tag.key == OVERFLOW_TAG) {
        d_losses++;
        interrupt(tag.offset);
    } else if (tag.key == RX_FREQ) {
        try {
            const double center_frequency = as_number(tag.value);
            if (is_frequency(center_frequency))
                tune(center_frequency, tag.offset);
        } catch (const std::exception&) { // not a number: nothing is known
        }
    }
}

// A time that is as counted says nothing new; with any other one, samples are missing.
void signal_detector_impl::heed_time(const tag_t& tag)
{
    if (!d_clock.takes(tag.value))
        return;
    const bool was_set = d_clock.is_set();
    if (was_set && std::abs(d_clock.late(tag.offset, tag.value)) <= ON_TIME)
        return;
    d_losses += was_set;
    interrupt(tag.offset);
    d_clock.set(tag.offset, tag.value);
}

void signal_detector_impl::tune(double center_frequency, uint64_t offset)
{
    d_center_frequency = center_frequency;
    if (center_frequency == d_tuned)
        return;
    interrupt(offset);
    d_tracker.forget();
    d_tuned = center_frequency;
}

// What comes from `offset` on does not go on with what came before.
void signal_detector_impl::interrupt(uint64_t offset)
{
    send(d_tracker.finish());
    d_average.restart();
    d_history.restart(offset);
    d_filled = 0;
}

// No more samples come.
void signal_detector_impl::end()
{
    if (d_has_ended) // by the end of the source: stop() comes after it
        return;
    d_has_ended = true;
    send(d_tracker.finish());
    report();
}

void signal_detector_impl::send(const std::vector<detection>& found)
{
    for (const detection& each : found) {
        d_signals += each.is_last;
        const bool may = d_budget.allows(each.id, each.is_last);
        (may ? d_sent : d_capped)++;
        if (may)
            send(each);
    }
}

void signal_detector_impl::send(const detection& found)
{
    dictionary facts;
    const double relative = d_reducer.center(found) * d_sample_rate;
    facts.add(BURST_ID, found.id);
    facts.add(IS_LAST, pmt::from_bool(found.is_last));
    facts.add(START_OFFSET, found.start);
    facts.add(END_OFFSET, found.stop);
    facts.add(DURATION, (found.stop - found.start) / d_sample_rate);
    facts.add(SAMPLE_RATE, d_sample_rate / d_reducer.factor(found));
    facts.add(CENTER_FREQUENCY, d_tuned + relative);
    facts.add(RELATIVE_FREQUENCY, relative);
    facts.add(BANDWIDTH, d_reducer.width(found) * d_sample_rate);
    facts.add(SNR, to_db(std::max(found.snr, LOWEST_SNR)));
    facts.add(NOISE_DENSITY, density(found.floor));
    if (d_clock.is_set()) {
        const pmt::pmt_t time = d_clock.at(found.start);
        facts.add(START_TIME,
                  pmt::to_uint64(pmt::tuple_ref(time, 0)) +
                      pmt::to_double(pmt::tuple_ref(time, 1)));
        facts.add(RX_TIME, time);
    } else {
        facts.add(START_TIME, found.start / d_sample_rate);
    }
    message_port_pub(SIGNALS,
                     pmt::cons(facts.made(), d_reducer.reduce(found, d_history)));
}

// Sends the spectrum, if it is time.
void signal_detector_impl::show()
{
    if (d_spectra_rate == 0)
        return;
    d_average.add(d_spectrum.power());
    const double size = d_settings.size();
    const uint64_t end = d_history.end();
    if (!d_cap.passes(end, d_sample_rate / d_spectra_rate, size))
        return;
    dictionary facts;
    facts.add(SAMPLE_RATE, d_sample_rate);
    facts.add(CENTER_FREQUENCY, d_tuned);
    facts.add(START_OFFSET, uint64_t(end - d_average.count() * size));
    facts.add(END_OFFSET, end);
    facts.add(NOISE_DENSITY, density(d_tracker.floor()));
    message_port_pub(SPECTRA, pmt::cons(facts.made(), d_average.take()));
}

void signal_detector_impl::report()
{
    dictionary status;
    status.add("samples", d_samples);
    status.add("signals", d_signals);
    status.add("sent", d_sent);
    status.add("capped", d_capped);
    status.add("left_out", d_left_out);
    status.add("losses", d_losses);
    status.add("tracked", d_tracker.tracked());
    status.add(NOISE_DENSITY, density(d_tracker.floor()));
    message_port_pub(STATUS, status.made());
}

// Power of a bin as dB(FS)/Hz
double signal_detector_impl::density(double power) const
{
    const double width = d_sample_rate / d_settings.bins;
    return to_db(std::max(power, spectrum_average::LOWEST) / width);
}

} // namespace htrd
} // namespace gr
