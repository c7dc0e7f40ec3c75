# Written by tools/write_kernels.py from fastlabel.h, which says what each function does.
# SPDX-License-Identifier: Apache-2.0
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "fastlabel/fastlabel.h" nogil:
    enum:
        FL_ABI_VERSION
        FL_SCALE_LEVELS

    ctypedef enum fl_status:
        FL_OK
        FL_ERROR_ARGUMENT
        FL_ERROR_OVERFLOW
        FL_ERROR_MEMORY
        FL_ERROR_CAPACITY
        FL_ERROR_TIMEOUT
        FL_ERROR_CANCELLED
        FL_ERROR_ISA

    ctypedef enum fl_dtype:
        FL_UINT8
        FL_INT8
        FL_INT32
        FL_INT64
        FL_FLOAT32
        FL_FLOAT64

    ctypedef enum fl_box_format:
        FL_XYXY
        FL_XYWH
        FL_CXCYWH

    ctypedef struct fl_boxes:
        const void* data
        int64_t n
        int64_t row_stride
        int64_t column_stride
        int32_t dtype
        int32_t format

    ctypedef enum fl_channels:
        FL_GRAY
        FL_BGR
        FL_RGB
        FL_BGRA
        FL_RGBA

    ctypedef struct fl_image:
        const uint8_t* data
        int64_t width
        int64_t height
        int64_t row_stride
        int64_t pixel_stride
        int64_t channel_stride
        int32_t channels
        int32_t order

    ctypedef struct fl_pair:
        int64_t i
        int64_t j
        double iou

    ctypedef struct fl_luma_stats:
        int64_t pixels
        double luma_mean
        double luma_std
        uint8_t p01
        uint8_t p05
        uint8_t p50
        uint8_t p95
        uint8_t p99
        uint8_t has_acutance
        uint8_t has_scale
        uint8_t has_phash
        double dark_fraction
        double bright_fraction
        double entropy
        double laplacian_variance
        double noise_sigma
        double sharpness
        double acutance
        double scale_sharpness[3]
        double scale_acutance[3]
        uint64_t phash

    ctypedef struct fl_box_row:
        int64_t pixels
        double luma_mean
        double contrast
        double laplacian_variance
        double sharpness
        double acutance
        int32_t has_acutance
        int32_t reserved

    ctypedef enum fl_format:
        FL_FORMAT_UNKNOWN
        FL_FORMAT_JPEG
        FL_FORMAT_MPO
        FL_FORMAT_PNG
        FL_FORMAT_WEBP
        FL_FORMAT_BMP
        FL_FORMAT_TIFF
        FL_FORMAT_GIF

    ctypedef struct fl_header:
        int32_t format
        int32_t width
        int32_t height
        int32_t channels
        int32_t orientation
        int32_t bits

    ctypedef enum fl_image_status:
        FL_IMAGE_OK
        FL_IMAGE_TRUNCATED
        FL_IMAGE_CORRUPT
        FL_IMAGE_UNREADABLE
        FL_IMAGE_UNSUPPORTED
        FL_IMAGE_OVER_LIMIT
        FL_IMAGE_MISSING
        FL_IMAGE_ESCAPED
        FL_IMAGE_NEEDS_DECODER

    ctypedef struct fl_image_row:
        int32_t status
        int32_t format
        int32_t width
        int32_t height
        int32_t channels
        int32_t orientation
        int64_t bytes
        uint8_t content_hash[16]
        uint8_t has_hash
        uint8_t measured
        uint8_t turned
        uint8_t reserved
        char detail[124]
        fl_luma_stats stats

    ctypedef struct fl_scan_options:
        size_t struct_size
        int32_t workers
        int32_t max_scans
        uint64_t max_pixels
        uint64_t max_bytes
        uint64_t max_memory

    ctypedef struct fl_scan_image:
        const char* path
        const uint8_t* data
        uint64_t size
        int32_t declared_width
        int32_t declared_height
        int32_t turned
        int32_t reserved

    ctypedef struct fl_scanner:
        pass

# ---- the functions of fastlabel.h, without their fl_; none needs the GIL ----
cdef int32_t abi_version() noexcept nogil
cdef const char* version() noexcept nogil
cdef const char* status_text(fl_status status) noexcept nogil
cdef fl_status init() noexcept nogil
cdef const char* isa_name() noexcept nogil
cdef int32_t isa_available(const char** names, int32_t capacity) noexcept nogil
cdef fl_status isa_select(const char* name) noexcept nogil
cdef fl_status box_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil
cdef fl_status box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
        int64_t* count) noexcept nogil
cdef fl_status nms(const double* boxes, const double* scores, int64_t n, double iou_threshold,
        int64_t* keep, int64_t* kept) noexcept nogil
cdef fl_status laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, double* out) noexcept nogil
cdef fl_status measure_luma(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
        int32_t turned, fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil
cdef fl_status content_hash(const uint8_t* data, uint64_t size, uint8_t* out) noexcept nogil
cdef const char* format_name(int32_t format) noexcept nogil
cdef fl_status sniff(const uint8_t* data, uint64_t size, fl_header* header) noexcept nogil
cdef fl_status sniff_files(const char* const* paths, int64_t n, int32_t workers,
        fl_header* headers) noexcept nogil
cdef const char* image_status_name(int32_t status) noexcept nogil
cdef fl_status scan_options_init(fl_scan_options* options, size_t struct_size) noexcept nogil
cdef fl_status scanner_create(const fl_scan_options* options, fl_scanner** out) noexcept nogil
cdef fl_status scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
        const double* boxes, const int64_t* offsets, int64_t* ticket) noexcept nogil
cdef fl_status scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
        int64_t* done) noexcept nogil
cdef fl_status scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
        fl_box_row* box_rows) noexcept nogil
cdef fl_status scanner_cancel(fl_scanner* scanner) noexcept nogil
cdef void scanner_destroy(fl_scanner* scanner) noexcept nogil
cdef const char* jpeg_codec() noexcept nogil
