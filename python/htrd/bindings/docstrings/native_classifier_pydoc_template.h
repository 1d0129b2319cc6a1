/*
 * Copyright 2026 Free Software Foundation, Inc.
 *
 * This file is part of GNU Radio
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 */
#include "pydoc_macros.h"
#define D(...) DOC(gr, htrd, __VA_ARGS__)
/*
  This file contains placeholders for docstrings for the Python bindings.
  Do not edit! These were automatically extracted during the binding process
  and will be overwritten during the build process
 */



 static const char *__doc_gr_htrd_decision_calibration = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_lowest = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_snr_db = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_scores = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_false_alarm = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_window = R"doc()doc";


 static const char *__doc_gr_htrd_decision_calibration_every = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_graphs = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_precisions = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_classes = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_frame_length = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_logits_output = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_expects_scaled = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_graph_scales = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_scale_where_needed = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_score_quantiles = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_threshold = R"doc()doc";


 static const char *__doc_gr_htrd_decision_model_calibration = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_make = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_missing = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_threshold = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_set_threshold = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_set_target_rejection = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_set_model = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_replace_model = R"doc()doc";


 static const char *__doc_gr_htrd_native_classifier_status = R"doc()doc";
