/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "waveform.h"
#include <system_error>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>

namespace gr {
namespace htrd {
namespace {

constexpr uintmax_t MOST_IN_FILE = 1 << 27; // samples: a GB, and three in memory

} // namespace

waveform::waveform(const std::vector<gr_complex>& samples, int longest_piece)
    : d_length(samples.size())
{
    if (samples.empty())
        throw std::invalid_argument("the waveform has no samples");
    if (samples.size() >
        static_cast<size_t>(std::numeric_limits<int>::max() - longest_piece))
        throw std::invalid_argument("the waveform is too long");
    const size_t stored = samples.size() + longest_piece;
    d_conjugate.reserve(stored);
    d_energy.reserve(stored + 1);
    d_energy.push_back(0);
    for (size_t n = 0; n < stored; n++) {
        const gr_complex sample = samples[n % samples.size()];
        d_conjugate.push_back(std::conj(sample));
        d_energy.push_back(d_energy.back() + std::norm(std::complex<double>(sample)));
    }
    if (!std::isfinite(power()))
        throw std::invalid_argument("the waveform has samples that are not finite");
    if (power() == 0)
        throw std::invalid_argument("the waveform is zero: it cannot be given a power");
}

std::vector<gr_complex> read_cf32(const std::string& path)
{
    std::error_code error;
    const bool readable = std::filesystem::is_regular_file(path, error);
    const uintmax_t bytes = readable ? std::filesystem::file_size(path, error) : 0;
    std::ifstream file(path, std::ios::binary);
    if (!readable || error || !file)
        throw std::invalid_argument("cannot read the waveform file '" + path + "'");
    if (bytes % sizeof(gr_complex))
        throw std::invalid_argument(
            "'" + path + "' is no file of complex float32 samples: its " +
            std::to_string(bytes) + " bytes are not a multiple of 8");
    if (bytes / sizeof(gr_complex) > MOST_IN_FILE)
        throw std::invalid_argument("the waveform file '" + path + "' has more than " +
                                    std::to_string(MOST_IN_FILE) + " samples");
    std::vector<gr_complex> samples(bytes / sizeof(gr_complex));
    if (!file.read(reinterpret_cast<char*>(samples.data()), bytes))
        throw std::invalid_argument("cannot read the waveform file '" + path + "'");
    return samples;
}

} // namespace htrd
} // namespace gr
