/*
 * Copyright 2020 Free Software Foundation, Inc.
 *
 * This file is part of GNU Radio
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 */

#include <pybind11/pybind11.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

namespace py = pybind11;

// Headers for binding functions
/**************************************/
// The following comment block is used for
// gr_modtool to insert function prototypes
// Please do not delete
/**************************************/
// BINDING_FUNCTION_PROTOTYPES(
    void bind_options(py::module& m);
    void bind_option_names(py::module& m);
    void bind_frame_sampler(py::module& m);
    void bind_native_classifier(py::module& m);
    void bind_number_tags(py::module& m);
    void bind_perturbation_adder(py::module& m);
    void bind_signal_detector(py::module& m);
// ) END BINDING_FUNCTION_PROTOTYPES


// We need this hack because import_array() returns NULL
// for newer Python versions.
// This function is also necessary because it ensures access to the C API
// and removes a warning.
void* init_numpy()
{
    import_array();
    return NULL;
}

PYBIND11_MODULE(htrd_python, m)
{
    // Initialize the numpy C API
    // (otherwise we will see segmentation faults)
    init_numpy();

    // Allow access to base block methods
    py::module::import("gnuradio.gr");

    /**************************************/
    // The following comment block is used for
    // gr_modtool to insert binding function calls
    // Please do not delete
    /**************************************/
    // BINDING_FUNCTION_CALLS(
    bind_options(m); // before the blocks, whose defaults they are
    bind_option_names(m);
    bind_frame_sampler(m);
    bind_native_classifier(m);
    bind_number_tags(m);
    bind_perturbation_adder(m);
    bind_signal_detector(m);
    // ) END BINDING_FUNCTION_CALLS
}
