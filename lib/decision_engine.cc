/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "decision_engine.h"
#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace gr {
namespace htrd {
namespace {

constexpr const char* LIBRARY = "libgnuradio-htrd-openvino.so";

struct runtime {
    engine_maker make = nullptr;
    std::string missing;
};

// The folder of this library, with the slash; empty if the loader cannot tell.
std::string own_folder()
{
    Dl_info found;
    if (!dladdr(reinterpret_cast<void*>(&missing_runtime), &found) || !found.dli_fname)
        return "";
    const std::string path = found.dli_fname;
    return path.substr(0, path.rfind('/') + 1);
}

runtime load_runtime()
{
    runtime made;
    void* library = dlopen((own_folder() + LIBRARY).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library)
        made.make = reinterpret_cast<engine_maker>(dlsym(library, ENGINE_MAKER));
    if (!made.make) {
        const char* reason = dlerror();
        made.missing = reason ? reason : "its library has no such function";
    }
    return made;
}

// Never unloaded: a runtime has threads of its own.
const runtime& the_runtime()
{
    static const runtime loaded = load_runtime();
    return loaded;
}

} // namespace

std::string missing_runtime() { return the_runtime().missing; }

std::unique_ptr<decision_engine> make_engine(const decision_model& model, int streams)
{
    if (!the_runtime().make)
        throw std::runtime_error(the_runtime().missing);
    return std::unique_ptr<decision_engine>(the_runtime().make(model, streams));
}

} // namespace htrd
} // namespace gr
