/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

#include <gnuradio/htrd/native_classifier.h>
// pydoc.h is automatically generated in the build directory
#include <native_classifier_pydoc.h>

// Private in Python, where classifier() makes these: gr_modtool bind is not for them.
void bind_native_classifier(py::module& m)
{
    using decision_calibration = ::gr::htrd::decision_calibration;
    using decision_model = ::gr::htrd::decision_model;
    using native_classifier = ::gr::htrd::native_classifier;

    py::class_<decision_calibration>(m, "_decision_calibration", D(decision_calibration))

        .def(py::init<>())
        .def_readwrite(
            "lowest", &decision_calibration::lowest, D(decision_calibration, lowest))
        .def_readwrite(
            "snr_db", &decision_calibration::snr_db, D(decision_calibration, snr_db))
        .def_readwrite(
            "scores", &decision_calibration::scores, D(decision_calibration, scores))
        .def_readwrite("false_alarm",
                       &decision_calibration::false_alarm,
                       D(decision_calibration, false_alarm))
        .def_readwrite(
            "window", &decision_calibration::window, D(decision_calibration, window))
        .def_readwrite(
            "every", &decision_calibration::every, D(decision_calibration, every));

    py::class_<decision_model>(m, "_decision_model", D(decision_model))

        .def(py::init<>())
        // Bytes, which are no text
        .def_property(
            "graphs",
            [](const decision_model& model) {
                return std::vector<py::bytes>(model.graphs.begin(), model.graphs.end());
            },
            [](decision_model& model, const std::vector<py::bytes>& graphs) {
                model.graphs = { graphs.begin(), graphs.end() };
            },
            D(decision_model, graphs))
        .def_readwrite(
            "precisions", &decision_model::precisions, D(decision_model, precisions))
        .def_readwrite("classes", &decision_model::classes, D(decision_model, classes))
        .def_readwrite(
            "frame_length", &decision_model::frame_length, D(decision_model, frame_length))
        .def_readwrite("logits_output",
                       &decision_model::logits_output,
                       D(decision_model, logits_output))
        .def_readwrite("expects_scaled",
                       &decision_model::expects_scaled,
                       D(decision_model, expects_scaled))
        .def_readwrite(
            "graph_scales", &decision_model::graph_scales, D(decision_model, graph_scales))
        .def_readwrite("scale_where_needed",
                       &decision_model::scale_where_needed,
                       D(decision_model, scale_where_needed))
        .def_readwrite("score_quantiles",
                       &decision_model::score_quantiles,
                       D(decision_model, score_quantiles))
        .def_readwrite("threshold", &decision_model::threshold, D(decision_model, threshold))
        .def_readwrite("calibration",
                       &decision_model::calibration,
                       D(decision_model, calibration));

    py::class_<native_classifier,
               gr::sync_block,
               gr::block,
               gr::basic_block,
               std::shared_ptr<native_classifier>>(
        m, "_native_classifier", D(native_classifier))

        .def(py::init(&native_classifier::make),
             py::arg("model"),
             py::arg("live") = false,
             py::arg("latency_ms") = 10.,
             py::arg("max_batch") = 256,
             py::arg("queue_frames") = 2048,
             py::arg("publish_decisions") = true,
             py::arg("threads") = 0,
             py::arg("load") = nullptr,
             D(native_classifier, make))

        .def_static(
            "missing", &native_classifier::missing, D(native_classifier, missing))

        .def("threshold", &native_classifier::threshold, D(native_classifier, threshold))

        .def("set_threshold",
             &native_classifier::set_threshold,
             py::arg("value"),
             D(native_classifier, set_threshold))

        .def("set_target_rejection",
             &native_classifier::set_target_rejection,
             py::arg("value"),
             D(native_classifier, set_target_rejection))

        .def("set_model",
             &native_classifier::set_model,
             py::arg("model"),
             D(native_classifier, set_model))

        .def("replace_model",
             &native_classifier::replace_model,
             py::arg("model"),
             py::call_guard<py::gil_scoped_release>(),
             D(native_classifier, replace_model))

        .def("status", &native_classifier::status, D(native_classifier, status))

        ;
}
