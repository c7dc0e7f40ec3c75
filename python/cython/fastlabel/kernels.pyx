# Written by tools/write_kernels.py from fastlabel.h, which says what each function does.
# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, freethreading_compatible=True
"""The kernels for Cython and numba: ``from fastlabel.kernels cimport box_iou``.

There is nothing here to call from Python; use the functions of ``fastlabel``.
"""
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fastlabel/fastlabel.h" nogil:
    int32_t fl_abi_version()
    const char* fl_version()
    const char* fl_status_text(fl_status status)
    fl_status fl_init()
    const char* fl_isa_name()
    int32_t fl_isa_available(const char** names, int32_t capacity)
    fl_status fl_isa_select(const char* name)
    fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out)
    fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
            double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity, int64_t* count)
    fl_status fl_nms(const double* boxes, const double* scores, int64_t n, double iou_threshold,
            int64_t* keep, int64_t* kept)
    fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
            int64_t stride_bytes, double* out)
    fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
            int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
            int32_t turned, fl_luma_stats* stats, fl_box_row* box_rows)
    fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t* out)
    const char* fl_format_name(int32_t format)
    fl_status fl_sniff(const uint8_t* data, uint64_t size, fl_header* header)
    fl_status fl_sniff_files(const char* const* paths, int64_t n, int32_t workers,
            fl_header* headers)
    const char* fl_image_status_name(int32_t status)
    fl_status fl_scan_options_init(fl_scan_options* options, size_t struct_size)
    fl_status fl_scanner_create(const fl_scan_options* options, fl_scanner** out)
    fl_status fl_scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
            const double* boxes, const int64_t* offsets, int64_t* ticket)
    fl_status fl_scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
            int64_t* done)
    fl_status fl_scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
            fl_box_row* box_rows)
    fl_status fl_scanner_cancel(fl_scanner* scanner)
    void fl_scanner_destroy(fl_scanner* scanner)
    const char* fl_jpeg_codec()


cdef int32_t abi_version() noexcept nogil:
    return fl_abi_version()


cdef const char* version() noexcept nogil:
    return fl_version()


cdef const char* status_text(fl_status status) noexcept nogil:
    return fl_status_text(status)


cdef fl_status init() noexcept nogil:
    return fl_init()


cdef const char* isa_name() noexcept nogil:
    return fl_isa_name()


cdef int32_t isa_available(const char** names, int32_t capacity) noexcept nogil:
    return fl_isa_available(names, capacity)


cdef fl_status isa_select(const char* name) noexcept nogil:
    return fl_isa_select(name)


cdef fl_status box_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil:
    return fl_box_iou(a, n, b, m, out)


cdef fl_status box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
        int64_t* count) noexcept nogil:
    return fl_box_pairs(boxes, offsets, groups, threshold, max_per_box, out, capacity, count)


cdef fl_status nms(const double* boxes, const double* scores, int64_t n, double iou_threshold,
        int64_t* keep, int64_t* kept) noexcept nogil:
    return fl_nms(boxes, scores, n, iou_threshold, keep, kept)


cdef fl_status laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, double* out) noexcept nogil:
    return fl_laplacian_variance(luma, width, height, stride_bytes, out)


cdef fl_status measure_luma(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
        int32_t turned, fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil:
    return fl_measure_luma(luma, width, height, stride_bytes, boxes, n_boxes, orientation, turned,
        stats, box_rows)


cdef fl_status content_hash(const uint8_t* data, uint64_t size, uint8_t* out) noexcept nogil:
    return fl_content_hash(data, size, out)


cdef const char* format_name(int32_t format) noexcept nogil:
    return fl_format_name(format)


cdef fl_status sniff(const uint8_t* data, uint64_t size, fl_header* header) noexcept nogil:
    return fl_sniff(data, size, header)


cdef fl_status sniff_files(const char* const* paths, int64_t n, int32_t workers,
        fl_header* headers) noexcept nogil:
    return fl_sniff_files(paths, n, workers, headers)


cdef const char* image_status_name(int32_t status) noexcept nogil:
    return fl_image_status_name(status)


cdef fl_status scan_options_init(fl_scan_options* options, size_t struct_size) noexcept nogil:
    return fl_scan_options_init(options, struct_size)


cdef fl_status scanner_create(const fl_scan_options* options, fl_scanner** out) noexcept nogil:
    return fl_scanner_create(options, out)


cdef fl_status scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
        const double* boxes, const int64_t* offsets, int64_t* ticket) noexcept nogil:
    return fl_scanner_submit(scanner, images, n, boxes, offsets, ticket)


cdef fl_status scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
        int64_t* done) noexcept nogil:
    return fl_scanner_wait(scanner, ticket, timeout_ms, done)


cdef fl_status scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
        fl_box_row* box_rows) noexcept nogil:
    return fl_scanner_collect(scanner, ticket, rows, box_rows)


cdef fl_status scanner_cancel(fl_scanner* scanner) noexcept nogil:
    return fl_scanner_cancel(scanner)


cdef void scanner_destroy(fl_scanner* scanner) noexcept nogil:
    fl_scanner_destroy(scanner)


cdef const char* jpeg_codec() noexcept nogil:
    return fl_jpeg_codec()
