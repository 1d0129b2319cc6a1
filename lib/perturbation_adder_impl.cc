/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "check.h"
#include "decibels.h"
#include "perturbation_adder_impl.h"
#include <gnuradio/io_signature.h>
#include <volk/volk.h>
#include <volk/volk_version.h>
#include <algorithm>
#include <sstream>

namespace gr {
namespace htrd {
namespace {

const pmt::pmt_t CONTROL = pmt::intern("control");
constexpr double LARGEST_DB = 200;     // beyond it float samples overflow
constexpr double LARGEST_POWER = 1e30; // with it, they do not yet

double checked_db(const char* name, double db)
{
    std::ostringstream wrong;
    wrong << name << " must be a number of dB within +-200, not " << db;
    check("perturbation_adder", std::abs(db) <= LARGEST_DB, wrong.str());
    return db;
}

// out = in + factor * conj(conjugate); VOLK 3.1 takes the factor by address
void add_conjugate(gr_complex* out,
                   const gr_complex* in,
                   const gr_complex* conjugate,
                   const gr_complex factor,
                   unsigned int count)
{
#if VOLK_VERSION >= \
    30100 // a larger number than what earlier versions write with a 0 before
    volk_32fc_x2_s32fc_multiply_conjugate_add2_32fc(out, in, conjugate, &factor, count);
#else
    volk_32fc_x2_s32fc_multiply_conjugate_add_32fc(out, in, conjugate, factor, count);
#endif
}

} // namespace

perturbation_adder::sptr perturbation_adder::make(const std::vector<gr_complex>& samples,
                                                  const std::string& file,
                                                  perturbation_mode_t mode,
                                                  double pnr_db,
                                                  double snr_db,
                                                  double psr_db,
                                                  stream_reference_t reference,
                                                  bool enabled,
                                                  const std::string& trigger,
                                                  bool repeat,
                                                  bool random_phase,
                                                  bool random_offset,
                                                  unsigned int seed,
                                                  int average,
                                                  double power)
{
    check("perturbation_adder",
          samples.empty() != file.empty(),
          "give a waveform or a file, one of the two");
    check("perturbation_adder",
          average >= block_power::BLOCK,
          "average must be at least 64 samples");
    check("perturbation_adder",
          power >= 0 && power <= LARGEST_POWER,
          "power must be 0 (measured) or more, up to 1e30");
    check("perturbation_adder",
          mode == perturbation_mode_t::PNR || mode == perturbation_mode_t::PSR,
          "mode must be PNR or PSR");
    check("perturbation_adder",
          reference == stream_reference_t::RECEIVED ||
              reference == stream_reference_t::TRANSMITTED,
          "reference must be RECEIVED or TRANSMITTED");
    const waveform stored(file.empty() ? samples : read_cf32(file), block_power::BLOCK);
    const player player(
        stored.length(), repeat || trigger.empty(), random_phase, random_offset, seed);
    return gnuradio::make_block_sptr<perturbation_adder_impl>(stored,
                                                              mode,
                                                              pnr_db,
                                                              snr_db,
                                                              psr_db,
                                                              reference,
                                                              enabled,
                                                              trigger,
                                                              player,
                                                              average,
                                                              power);
}

perturbation_adder_impl::perturbation_adder_impl(const waveform& waveform,
                                                 perturbation_mode_t mode,
                                                 double pnr_db,
                                                 double snr_db,
                                                 double psr_db,
                                                 stream_reference_t reference,
                                                 bool enabled,
                                                 const std::string& trigger,
                                                 const player& player,
                                                 int average,
                                                 double power)
    : gr::sync_block("perturbation_adder",
                     gr::io_signature::make(1, 1, sizeof(gr_complex)),
                     gr::io_signature::make(1, 1, sizeof(gr_complex))),
      d_waveform(waveform),
      d_mode(mode),
      d_reference(reference),
      d_trigger(trigger.empty() ? pmt::pmt_t() : pmt::intern(trigger)),
      d_average(average),
      d_known_power(power),
      d_first_player(player),
      d_pnr_db(checked_db("pnr_db", pnr_db)),
      d_snr_db(checked_db("snr_db", snr_db)),
      d_psr_db(checked_db("psr_db", psr_db)),
      d_enabled(enabled),
      d_player(player),
      d_power(average),
      d_control(
          d_logger,
          { { "pnr_db", [this](const pmt::pmt_t& v) { set_pnr_db(as_number(v)); } },
            { "snr_db", [this](const pmt::pmt_t& v) { set_snr_db(as_number(v)); } },
            { "psr_db", [this](const pmt::pmt_t& v) { set_psr_db(as_number(v)); } },
            { "enabled", [this](const pmt::pmt_t& v) { set_enabled(as_switch(v)); } } })
{
    d_tags.reserve(64);
    message_port_register_in(CONTROL);
    set_msg_handler(CONTROL,
                    [this](const pmt::pmt_t& message) { d_control.apply(message); });
    message_port_register_out(STATUS);
}

void perturbation_adder_impl::set_pnr_db(double pnr_db)
{
    d_pnr_db = checked_db("pnr_db", pnr_db);
}

void perturbation_adder_impl::set_snr_db(double snr_db)
{
    d_snr_db = checked_db("snr_db", snr_db);
}

void perturbation_adder_impl::set_psr_db(double psr_db)
{
    d_psr_db = checked_db("psr_db", psr_db);
}

double perturbation_adder_impl::achieved_pnr_db() const
{
    return to_db(d_achieved_psr / noise_share());
}

double perturbation_adder_impl::achieved_psr_db() const { return to_db(d_achieved_psr); }

// The noise power at the receiver over the measured power.
double perturbation_adder_impl::noise_share() const
{
    const bool has_noise = d_reference == stream_reference_t::RECEIVED;
    return 1 / (from_db(d_snr_db) + (has_noise ? 1 : 0));
}

bool perturbation_adder_impl::start()
{
    // Everything anew whenever a flowgraph starts, after unlock() too: its input is a new
    // stream.
    d_power = block_power(d_average);
    d_total = d_reported = energies();
    d_player = d_first_player;
    if (!d_trigger)
        d_player.start();
    return gr::sync_block::start();
}

int perturbation_adder_impl::work(int noutput_items,
                                  gr_vector_const_void_star& input_items,
                                  gr_vector_void_star& output_items)
{
    const auto in = static_cast<const gr_complex*>(input_items[0]);
    const auto out = static_cast<gr_complex*>(output_items[0]);
    take_settings();
    find_triggers(noutput_items);

    auto trigger = d_tags.begin();
    for (int done = 0; done < noutput_items;) {
        int count = std::min(noutput_items - done, d_power.room());
        for (; trigger != d_tags.end(); ++trigger) {
            const int ahead = trigger->offset - nitems_read(0) - done;
            if (ahead > 0) {
                count = std::min(count, ahead);
                break;
            }
            d_player.start();
        }
        count = std::min(count, d_player.room());
        add(in + done, out + done, count);
        done += count;
    }
    d_achieved_psr = d_total.added / d_total.under;
    report();
    return noutput_items;
}

void perturbation_adder_impl::take_settings()
{
    const double psr = d_mode == perturbation_mode_t::PNR
                           ? from_db(d_pnr_db) * noise_share()
                           : from_db(d_psr_db);
    if (psr != d_latest_psr)
        d_total = d_reported = energies();
    d_latest_psr = psr;
    d_target_psr = d_enabled ? psr : 0;
}

void perturbation_adder_impl::find_triggers(int count)
{
    if (d_trigger)
        get_tags_in_window(d_tags, 0, 0, count, d_trigger);
}

// Adds the next samples of the waveform, within one block of the power measurement.
void perturbation_adder_impl::add(const gr_complex* in, gr_complex* out, int count)
{
    float energy;
    const auto parts = reinterpret_cast<const float*>(in);
    volk_32f_x2_dot_prod_32f(&energy, parts, parts, 2 * count);

    const double power = d_known_power > 0 ? d_known_power : d_power.power();
    const double gain = d_target_psr * power / d_waveform.power();
    if (d_player.playing() && gain > 0) {
        const int position = d_player.position();
        add_conjugate(out,
                      in,
                      d_waveform.conjugate(position),
                      d_player.rotation() * static_cast<float>(std::sqrt(gain)),
                      count);
        if (std::isfinite(energy)) {
            d_total.added += gain * d_waveform.energy(position, count);
            d_total.under += energy;
        }
    } else {
        std::copy_n(in, count, out);
    }
    d_player.advance(count);
    d_power.add(energy, count);
}

void perturbation_adder_impl::report()
{
    if (!d_status_timer.due())
        return;
    const double psr =
        (d_total.added - d_reported.added) / (d_total.under - d_reported.under);
    d_reported = d_total;
    const auto add = [](const pmt::pmt_t& status, const char* name, double ratio) {
        return pmt::dict_add(status, pmt::intern(name), pmt::from_double(to_db(ratio)));
    };
    pmt::pmt_t status = add(pmt::make_dict(), "pnr_db", psr / noise_share());
    status = add(status, "psr_db", psr);
    status = add(status, "power_db", d_power.power());
    message_port_pub(STATUS, status);
}

} // namespace htrd
} // namespace gr
