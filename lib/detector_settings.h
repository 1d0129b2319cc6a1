/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_HTRD_DETECTOR_SETTINGS_H
#define INCLUDED_HTRD_DETECTOR_SETTINGS_H

#include "check.h"
#include <cmath>
#include <cstdint>
#include <string>

namespace gr {
namespace htrd {

/*!
 * \brief How signals are told from noise; signal_detector.h says what each one means.
 */
struct detector_settings {
    int bins = 512;
    int averaged = 8;
    double open_db = 6.0;
    double close_db = 3.0;
    int bridged_bins = 3;
    int bridged_spectra = 2;
    int shortest = 2;
    int longest = 1 << 18;
    int most = 64;

    //! Samples of a spectrum.
    int64_t size() const { return int64_t(bins) * averaged; }

    //! Spectra of a part of a signal that goes on.
    int64_t part() const { return longest / size(); }
};

//! Whether this is a level in dB over the noise.
inline bool is_level(double db) { return db > 0 && std::isfinite(db); }

//! The settings, if they make sense; else std::invalid_argument.
inline detector_settings checked(const detector_settings& settings)
{
    constexpr int64_t MOST = 1 << 24; // samples: what a block keeps of them is bounded
    const auto must = [](bool good, const std::string& what) {
        check("signal_detector", good, what);
    };
    const int64_t size = settings.size();
    must(settings.bins >= 16 && settings.bins <= 65536 && settings.bins % 2 == 0,
         "bins must be even, and 16 ... 65536");
    must(settings.averaged >= 1 && size <= MOST,
         "averaged must be at least 1, and bins times it at most 2^24 samples");
    must(is_level(settings.open_db), "open_db must be above 0 dB");
    must(is_level(settings.close_db) && settings.close_db <= settings.open_db,
         "close_db must be above 0 dB, and no higher than open_db");
    must(settings.bridged_bins >= 0, "bridged_bins must be 0 or more");
    must(settings.bridged_spectra >= 0 && settings.bridged_spectra * size <= MOST,
         "bridged_spectra must be 0 or more, and at most 2^24 samples");
    must(settings.shortest >= 1 && settings.shortest * size <= MOST,
         "shortest must be at least 1 spectrum, and at most 2^24 samples");
    must(settings.longest >= settings.shortest * size && settings.longest <= MOST,
         "longest must be at least `shortest` spectra (" +
             std::to_string(settings.shortest * size) +
             " samples), and at most 2^24 samples");
    must(settings.most >= 1, "most must be at least 1 signal");
    return settings;
}

} // namespace htrd
} // namespace gr

#endif /* INCLUDED_HTRD_DETECTOR_SETTINGS_H */
