/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_PERTURBATION_ADDER_IMPL_H
#define INCLUDED_HTRD_PERTURBATION_ADDER_IMPL_H

#include "block_power.h"
#include "control_messages.h"
#include "player.h"
#include "status_timer.h"
#include "waveform.h"
#include <gnuradio/htrd/perturbation_adder.h>
#include <atomic>
#include <cmath>
#include <vector>

namespace gr {
namespace htrd {

class perturbation_adder_impl : public perturbation_adder
{
public:
    perturbation_adder_impl(const waveform& waveform,
                            perturbation_mode_t mode,
                            double pnr_db,
                            double snr_db,
                            double psr_db,
                            stream_reference_t reference,
                            bool enabled,
                            const std::string& trigger,
                            const player& player,
                            int average,
                            double power);

    double pnr_db() const override { return d_pnr_db; }
    void set_pnr_db(double pnr_db) override;
    double snr_db() const override { return d_snr_db; }
    void set_snr_db(double snr_db) override;
    double psr_db() const override { return d_psr_db; }
    void set_psr_db(double psr_db) override;
    bool enabled() const override { return d_enabled; }
    void set_enabled(bool enabled) override { d_enabled = enabled; }
    double achieved_pnr_db() const override;
    double achieved_psr_db() const override;

    bool start() override;
    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    // Energies of what was added and of the samples that it was added to
    struct energies {
        double added = 0;
        double under = 0;
    };

    double noise_share() const;
    void take_settings();
    void find_triggers(int count);
    void add(const gr_complex* in, gr_complex* out, int count);
    void report();

    const waveform d_waveform;
    const perturbation_mode_t d_mode;
    const stream_reference_t d_reference;
    const pmt::pmt_t d_trigger; // null: none
    const int d_average;
    const double d_known_power;
    const player d_first_player; // as it was before the start

    // Set from any thread, read at the beginning of work()
    std::atomic<double> d_pnr_db;
    std::atomic<double> d_snr_db;
    std::atomic<double> d_psr_db;
    std::atomic<bool> d_enabled;
    std::atomic<double> d_achieved_psr{ NAN };

    double d_target_psr = 0; // in force, as a ratio; 0 while disabled
    double d_latest_psr = 0; // in force, as a ratio, disabled or not
    player d_player;
    block_power d_power;
    energies d_total;    // since the latest change of a level
    energies d_reported; // up to the latest status message
    std::vector<tag_t> d_tags;
    control_messages d_control;
    status_timer d_status_timer;
};

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_PERTURBATION_ADDER_IMPL_H */
