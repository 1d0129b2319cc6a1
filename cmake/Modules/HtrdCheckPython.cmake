# SPDX-License-Identifier: GPL-3.0-or-later

# Says at configure time what the chosen Python lacks: the build does without it, but the blocks,
# the tests and the installed `htrd` do not.
function(htrd_check_python python python_dir)
    set(page "docs/installation.md, \"With CMake, without root\"")
    execute_process(
        COMMAND ${python} -c "
import pathlib, site, sys, sysconfig
print(sysconfig.get_python_version(), sys.prefix != sys.base_prefix,
      '${python_dir}' in sys.path + site.getsitepackages(),
      pathlib.Path(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED').exists(), sep=';')"
        OUTPUT_VARIABLE facts RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(failed)
        message(FATAL_ERROR "${python} does not start: name another with -DPYTHON_EXECUTABLE=")
    endif()
    list(GET facts 0 version)
    list(GET facts 1 is_environment)
    list(GET facts 2 finds_modules)
    list(GET facts 3 is_managed)
    if(version VERSION_LESS 3.11)
        message(WARNING "${python} is Python ${version}: robust_amc needs 3.11 or later")
        return()
    endif()

    execute_process(
        COMMAND ${python} ${PROJECT_SOURCE_DIR}/cmake/missing_requirements.py
        OUTPUT_VARIABLE missing OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(
        COMMAND ${python} -c "import numpy; print(numpy.__version__); from gnuradio import gr"
        OUTPUT_VARIABLE numpy ERROR_VARIABLE reason RESULT_VARIABLE no_gnuradio
        OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
    string(REGEX REPLACE ".*\n" "" reason "${reason}")

    set(constrained "\n  ${python} -m pip install -c ${PROJECT_SOURCE_DIR}/constraints.txt")
    set(consequence "Without them the blocks, the tests and the installed htrd do not work.")
    string(REGEX REPLACE "[^A-Za-z0-9_.\n-][^\n]*" "" names "${missing}")
    string(REPLACE "\n" ", " names "${names}")
    if(missing AND is_managed STREQUAL "True" AND is_environment STREQUAL "False")
        message(WARNING "${python} lacks ${names}. ${consequence} Make a virtual environment that "
            "has them, and name its Python with -DPYTHON_EXECUTABLE= (${page}).")
    elseif(missing)
        string(REGEX REPLACE "([^\n]+)" "'\\1'" quoted "${missing}")
        string(REPLACE "\n" " " quoted "${quoted}")
        message(WARNING "${python} lacks ${names}. ${consequence} To get them:"
            "${constrained} ${quoted}")
    endif()
    if(no_gnuradio AND numpy VERSION_GREATER_EQUAL 2)
        message(WARNING "${python} cannot import GNU Radio (${reason}), which may be built for "
            "NumPy 1; its NumPy is ${numpy}. To get another:${constrained} 'numpy<2'")
    elseif(no_gnuradio)
        message(WARNING "${python} cannot import GNU Radio (${reason}). It has to be the Python "
            "that GNU Radio was built for, or a virtual environment of it that was made with "
            "--system-site-packages (${page}).")
    endif()
    if(finds_modules STREQUAL "False")
        message(WARNING "${python} looks for no modules in ${python_dir}: put it into PYTHONPATH, "
            "or install into the environment of that Python with -DCMAKE_INSTALL_PREFIX=.")
    endif()
endfunction()
