# Written by tools/write_kernels.py from fastlabel.h, which says what each function does.
# SPDX-License-Identifier: Apache-2.0
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "fastlabel/fastlabel.h" nogil:
    enum:
        FL_ABI_VERSION
        FL_GATE_GRID_WIDTH
        FL_GATE_GRID_HEIGHT
        FL_GATE_MAX_SIDE
        FL_SCALE_LEVELS
        FL_PROFILE_BINS
        FL_PROFILE_REACH
        FL_PROFILE_IN_VIEW
        FL_MAX_FEATHER
        FL_RECIPE_VERSION
        FL_RECIPE_MAX_SIDE
        FL_RECIPE_MAX_BYTES
        FL_MAX_TAPS
        FL_MAX_REACH
        FL_MAX_AXES
        FL_MAX_CELLS
        FL_SUM_LIMBS
        FL_SQUARE_LIMBS
        FL_WARP_MAX_SIDE

    ctypedef enum fl_status:
        FL_OK
        FL_ERROR_ARGUMENT
        FL_ERROR_OVERFLOW
        FL_ERROR_MEMORY
        FL_ERROR_CAPACITY
        FL_ERROR_TIMEOUT
        FL_ERROR_CANCELLED
        FL_ERROR_ISA
        FL_ERROR_SIZE
        FL_ERROR_STRIDE
        FL_ERROR_WINDOW
        FL_ERROR_SCALE
        FL_ERROR_RECIPE
        FL_ERROR_ROWS

    ctypedef enum fl_dtype:
        FL_UINT8
        FL_INT8
        FL_INT32
        FL_INT64
        FL_FLOAT32
        FL_FLOAT64
        FL_INT16
        FL_UINT16
        FL_UINT32
        FL_UINT64
        FL_BITS
        FL_FLOAT16

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

    ctypedef enum fl_box_metric:
        FL_IOU
        FL_IOA
        FL_IOS
        FL_GIOU
        FL_DIOU
        FL_CIOU

    ctypedef struct fl_overlap_options:
        size_t struct_size
        int32_t metric
        int32_t reserved
        double eps
        const uint8_t* crowd
        int64_t crowd_stride

    ctypedef struct fl_pair:
        int64_t i
        int64_t j
        double iou

    ctypedef fl_status (*fl_pair_sink)(void* context, const fl_pair* pairs, int64_t n) noexcept nogil

    ctypedef enum fl_decay:
        FL_DECAY_LINEAR
        FL_DECAY_GAUSSIAN

    ctypedef enum fl_confidence:
        FL_AVERAGE
        FL_MAXIMUM
        FL_BOX_AND_MODEL_AVERAGE
        FL_ABSENT_MODEL_AWARE_AVERAGE

    ctypedef struct fl_fusion_options:
        size_t struct_size
        int32_t confidence
        int32_t allows_overflow
        double iou_threshold
        double skip_threshold

    ctypedef struct fl_match_input:
        size_t struct_size
        const fl_boxes* predictions
        const int64_t* prediction_offsets
        const int64_t* prediction_classes
        const double* scores
        const fl_boxes* labels
        const int64_t* label_offsets
        const int64_t* label_classes
        const uint8_t* crowd
        const uint8_t* ignore
        int64_t images
        const double* thresholds
        int64_t n_thresholds
        int64_t max_predictions

    ctypedef enum fl_frame_format:
        FL_FRAME_GRAY
        FL_FRAME_RGB
        FL_FRAME_BGR
        FL_FRAME_NV12
        FL_FRAME_NV21
        FL_FRAME_YUYV

    ctypedef enum fl_yuv_matrix:
        FL_BT601
        FL_BT709

    ctypedef enum fl_yuv_range:
        FL_LIMITED_RANGE
        FL_FULL_RANGE

    ctypedef struct fl_window:
        int64_t x
        int64_t y
        int64_t width
        int64_t height

    ctypedef struct fl_frame:
        int32_t format
        int32_t matrix
        int32_t range
        int32_t reserved
        int64_t width
        int64_t height
        const uint8_t* planes[2]
        int64_t strides[2]
        fl_window window

    ctypedef enum fl_gate_verdict:
        FL_GATE_OK
        FL_GATE_BLURRY
        FL_GATE_DARK
        FL_GATE_BRIGHT
        FL_GATE_STILL

    ctypedef struct fl_gate_options:
        size_t struct_size
        uint32_t min_sharpness
        uint32_t min_acutance
        uint32_t min_light
        uint32_t max_light
        uint32_t max_dark
        uint32_t max_bright
        uint32_t min_motion

    ctypedef struct fl_gate_result:
        int32_t verdict
        int32_t has_acutance
        int32_t has_motion
        int32_t reserved
        uint32_t sharpness
        uint32_t acutance
        uint32_t noise
        uint32_t light
        uint32_t dark
        uint32_t bright
        uint32_t motion
        uint32_t dark_pixels
        uint32_t bright_pixels
        uint32_t share_pixels
        int32_t noise_response
        int32_t reserved2
        int64_t pixels
        uint64_t luma_sum
        int64_t laplacian_sum
        uint64_t laplacian_squares
        uint64_t gradient_squares

    ctypedef struct fl_gate_measures:
        double luma_mean
        double dark_fraction
        double bright_fraction
        double laplacian_variance
        double noise_sigma
        double sharpness
        double acutance
        int32_t has_acutance
        int32_t reserved

    ctypedef enum fl_tile_method:
        FL_TILES_NMS
        FL_TILES_SOFT_LINEAR
        FL_TILES_SOFT_GAUSSIAN
        FL_TILES_NMM
        FL_TILES_NMM_CHAINED
        FL_TILES_WBF

    ctypedef struct fl_tile_predictions:
        size_t struct_size
        const double* boxes
        const double* scores
        const int64_t* labels
        const int64_t* tiles
        int64_t n
        const int64_t* windows
        const int64_t* images
        const uint8_t* whole
        int64_t n_windows
        const int64_t* sizes
        int64_t n_images

    ctypedef struct fl_tile_merge_options:
        size_t struct_size
        int32_t method
        int32_t metric
        int32_t confidence
        int32_t by_label
        int32_t in_tile_pixels
        int32_t join_cut
        double threshold
        double sigma
        double score_threshold
        double join_threshold
        double edge_tolerance
        double large

    ctypedef struct fl_tile_merged:
        size_t struct_size
        double* boxes
        double* scores
        int64_t* labels
        int64_t* images
        uint8_t* joined
        int64_t* offsets
        int64_t* members
        int64_t results
        int64_t empty
        int64_t outside
        int64_t faded

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
        int32_t has_profile
        uint8_t profile[2 * 24]
        int64_t ring_pixels
        double ring_luma_mean
        double ring_contrast
        double ring_gradient
        double ring_entropy

    ctypedef enum fl_blend_mode:
        FL_BLEND_NORMAL
        FL_BLEND_MULTIPLY
        FL_BLEND_SCREEN
        FL_BLEND_OVERLAY
        FL_BLEND_HARD_LIGHT
        FL_BLEND_DARKEN
        FL_BLEND_LIGHTEN
        FL_BLEND_ADD
        FL_BLEND_SUBTRACT
        FL_BLEND_DIFFERENCE
        FL_BLEND_EXCLUSION
        FL_BLEND_MODES

    ctypedef struct fl_composite_options:
        size_t struct_size
        int32_t mode
        int32_t feather
        double opacity

    ctypedef enum fl_interpolation:
        FL_LINEAR
        FL_AREA

    ctypedef enum fl_layout:
        FL_NCHW
        FL_NHWC

    ctypedef struct fl_letterbox_options:
        size_t struct_size
        int64_t width
        int64_t height
        int32_t interpolation
        int32_t layout
        int32_t dtype
        int32_t swap_rb
        int32_t center
        int32_t scale_up
        int32_t stretch
        int32_t quantize
        uint8_t color[4]
        float scale
        float mean[4]
        float std[4]
        float quant_scale
        int32_t zero_point
        int32_t channels
        int32_t order

    ctypedef struct fl_placement:
        int64_t width
        int64_t height
        int64_t left
        int64_t top
        double scale_x
        double scale_y

    ctypedef struct fl_recipe_error:
        int32_t line
        int32_t column
        char text[244]

    ctypedef enum fl_tile_anchor:
        FL_TILE_ORIGIN
        FL_TILE_CENTER

    ctypedef enum fl_tile_last:
        FL_TILE_SHIFT
        FL_TILE_PAD

    ctypedef struct fl_tile_grid:
        size_t struct_size
        int64_t width
        int64_t height
        int64_t step_x
        int64_t step_y
        int32_t anchor
        int32_t last

    ctypedef enum fl_tile_box:
        FL_TILE_BOX_SEEN
        FL_TILE_BOX_NOT_FINITE
        FL_TILE_BOX_REVERSED
        FL_TILE_BOX_OUTSIDE
        FL_TILE_BOX_UNCOVERED

    ctypedef struct fl_tile_job:
        size_t struct_size
        const fl_boxes* boxes
        const int64_t* box_offsets
        const int64_t* windows
        const int64_t* window_offsets
        const int64_t* sizes
        int64_t pictures
        int32_t workers
        int32_t reserved

    ctypedef enum fl_coco_outcome:
        FL_COCO_READ
        FL_COCO_NOT_JUDGED
        FL_COCO_UNREADABLE
        FL_COCO_CHANGED

    ctypedef enum fl_coco_section:
        FL_COCO_OTHER
        FL_COCO_IMAGES
        FL_COCO_ANNOTATIONS
        FL_COCO_CATEGORIES

    ctypedef enum fl_coco_part:
        FL_COCO_VALUES
        FL_COCO_OFFSETS
        FL_COCO_VALID

    ctypedef struct fl_coco_options:
        size_t struct_size
        int32_t workers
        int32_t reserved
        int64_t window
        int64_t most_text

    ctypedef struct fl_coco_summary:
        int32_t outcome
        int32_t error
        int64_t file_bytes
        int64_t stopped_at
        int64_t members
        int64_t images
        int64_t annotations
        int64_t odd
        int32_t ids_rise
        int32_t reserved

    ctypedef struct fl_coco:
        pass

    ctypedef enum fl_cut_mode:
        FL_CUT_FAILED
        FL_CUT_LOSSLESS
        FL_CUT_REENCODED

    ctypedef struct fl_cut_options:
        size_t struct_size
        int32_t quality
        int32_t lossless
        int32_t workers
        int32_t max_scans
        uint64_t max_pixels
        uint64_t max_bytes
        uint64_t max_memory
        uint8_t fill[4]
        int32_t keep_profile

    ctypedef struct fl_cut_row:
        int32_t status
        int32_t format
        int32_t width
        int32_t height
        int32_t orientation
        int32_t write_error
        int64_t write_tile
        char detail[124]

    ctypedef struct fl_cut_tile:
        int64_t window[4]
        int32_t mode
        char reason[124]

    ctypedef int32_t (*fl_tile_taker)(void* user, int64_t tile, const uint8_t* bytes, uint64_t size) noexcept nogil

    ctypedef enum fl_color:
        FL_COLOR_BGR
        FL_COLOR_RGB
        FL_COLOR_GRAY

    ctypedef struct fl_cut_job:
        const char* path
        const uint8_t* data
        uint64_t size
        int64_t tiles

    ctypedef struct fl_cutter:
        pass

    ctypedef struct fl_evaluation_input:
        size_t struct_size
        const double* prediction_boxes
        const double* scores
        const int64_t* prediction_images
        const int64_t* prediction_classes
        int64_t n_predictions
        const double* label_boxes
        const double* label_areas
        const int64_t* label_images
        const int64_t* label_classes
        const uint8_t* crowd
        const uint8_t* ignore
        int64_t n_labels
        int64_t images
        int64_t classes
        const double* thresholds
        int64_t n_thresholds
        const double* recalls
        int64_t n_recalls
        const double* area_ranges
        int64_t n_area_ranges
        const int64_t* max_predictions
        int64_t n_max_predictions
        int32_t format
        int32_t workers

    ctypedef struct fl_evaluation:
        size_t struct_size
        double* precision
        double* scores
        double* recall
        int64_t* labels
        int64_t* prediction_match
        uint8_t* prediction_ignored

    ctypedef struct fl_file_stamp:
        int64_t size
        int64_t mtime_ns
        int64_t ctime_ns

    ctypedef struct fl_hash_pair:
        int64_t i
        int64_t j
        int32_t distance

    ctypedef fl_status (*fl_hash_pair_sink)(void* context, const fl_hash_pair* pairs, int64_t n) noexcept nogil

    ctypedef enum fl_label_outcome:
        FL_LABEL_READ
        FL_LABEL_LEFT
        FL_LABEL_OTHER

    ctypedef enum fl_label_part:
        FL_LABEL_VALUES
        FL_LABEL_OFFSETS
        FL_LABEL_VALID

    ctypedef struct fl_label_files:
        const char* folder
        const char* names
        int64_t names_bytes
        int64_t count

    ctypedef struct fl_label_options:
        size_t struct_size
        int32_t workers
        int32_t reserved
        int64_t keypoints
        int64_t most_text

    ctypedef struct fl_label_columns:
        pass

    ctypedef struct fl_pairing_input:
        size_t struct_size
        const double* labels
        const int64_t* label_classes
        const int64_t* label_offsets
        const double* predictions
        const int64_t* prediction_classes
        const double* scores
        const int64_t* prediction_offsets
        int64_t n_images

    ctypedef struct fl_pairing_options:
        size_t struct_size
        double near_iou
        double placed_iou
        double same
        double inside
        int32_t workers
        int32_t reserved

    ctypedef struct fl_pairing_result:
        size_t struct_size
        int64_t* own
        double* own_iou
        double* same_score
        int64_t* other
        double* other_score
        int32_t* parts
        int64_t* label
        uint8_t* agrees
        double* iou
        double* touch
        double* inside
        double* higher
        int32_t* wholes

    ctypedef enum fl_paste_blend:
        FL_PASTE_FEATHER
        FL_PASTE_ALPHA
        FL_PASTE_RECTANGLE

    ctypedef struct fl_paste_options:
        size_t struct_size
        int32_t blend
        int32_t match
        int32_t flip
        int32_t loose
        int32_t apply
        int32_t reserved
        double feather
        double acutance
        double noise
        uint64_t seed

    ctypedef struct fl_paste_report:
        double gain
        double offset[3]
        double blur
        double colour_blur
        double noise

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

    ctypedef enum fl_tar_kind:
        FL_TAR_FILE
        FL_TAR_FOLDER
        FL_TAR_LINK
        FL_TAR_SPARSE
        FL_TAR_OTHER

    ctypedef enum fl_tar_end:
        FL_TAR_END_MARK
        FL_TAR_END_FILE
        FL_TAR_END_CUT
        FL_TAR_END_DAMAGED
        FL_TAR_END_MORE
        FL_TAR_END_UNREAD

    ctypedef struct fl_tar_member:
        uint64_t header
        uint64_t offset
        uint64_t size
        uint64_t declared
        uint64_t name_offset
        uint64_t name_length
        int32_t kind
        int32_t reserved

    ctypedef struct fl_tar_summary:
        int32_t status
        int32_t end
        uint64_t end_offset
        uint64_t file_size
        int64_t file_mtime_ns
        int64_t members
        uint64_t names
        char error[120]

    ctypedef struct fl_tar:
        pass

    ctypedef struct fl_scan_options:
        size_t struct_size
        int32_t workers
        int32_t max_scans
        uint64_t max_pixels
        uint64_t max_bytes
        uint64_t max_memory
        int32_t hash_only
        int32_t rings

    ctypedef struct fl_scan_image:
        const char* path
        const uint8_t* data
        uint64_t size
        uint64_t offset
        uint64_t file_size
        int64_t file_mtime_ns
        int32_t declared_width
        int32_t declared_height
        int32_t turned
        int32_t reserved

    ctypedef struct fl_scanner:
        pass

    ctypedef struct fl_column:
        const void* data
        const uint8_t* validity
        int64_t n
        int64_t stride
        int64_t validity_offset
        int64_t bit_offset
        int32_t dtype
        int32_t reserved

    ctypedef struct fl_axis:
        const double* edges
        int64_t bins

    ctypedef struct fl_fixed:
        uint64_t low
        int64_t high

    ctypedef struct fl_moments:
        int64_t count
        int64_t unknown
        int64_t plus_inf
        int64_t minus_inf
        double min
        double max
        int64_t sum[68]
        int64_t sum_of_squares[136]

    ctypedef struct fl_sketch:
        pass

    ctypedef struct fl_sketch_entry:
        int64_t group
        int32_t key
        int32_t reserved
        int64_t count
        double min
        double max

    struct ArrowSchema:
        pass

    struct ArrowArray:
        pass

    struct ArrowArrayStream:
        pass

    ctypedef enum fl_arrow_kind:
        FL_ARROW_UNSUPPORTED
        FL_ARROW_NUMBERS
        FL_ARROW_TEXT
        FL_ARROW_DICTIONARY
        FL_ARROW_LIST
        FL_ARROW_FIXED_LIST
        FL_ARROW_STRUCT

    ctypedef struct fl_arrow_view:
        const char* name
        const char* format
        const void* data
        const uint8_t* validity
        const void* offsets
        const void* const* buffers
        int64_t length
        int64_t null_count
        int64_t validity_offset
        int64_t bit_offset
        int64_t list_size
        int32_t kind
        int32_t dtype
        int32_t offset_bytes
        int32_t n_children

    ctypedef struct fl_arrow:
        pass

    ctypedef struct fl_arrow_batch:
        pass

# ---- the functions of fastlabel.h, without their fl_; none needs the GIL ----
cdef int32_t abi_version() noexcept nogil
cdef const char* version() noexcept nogil
cdef const char* status_text(fl_status status) noexcept nogil
cdef fl_status init() noexcept nogil
cdef const char* isa_name() noexcept nogil
cdef int32_t isa_available(const char** names, int32_t capacity) noexcept nogil
cdef fl_status isa_select(const char* name) noexcept nogil
cdef fl_status overlap_options_init(fl_overlap_options* options, size_t struct_size) noexcept nogil
cdef fl_status box_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil
cdef fl_status box_iou_f32(const float* a, int64_t n, const float* b, int64_t m,
        float* out) noexcept nogil
cdef fl_status box_matrix(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
        void* out, int64_t row_stride, int64_t column_stride) noexcept nogil
cdef fl_status box_aligned(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
        void* out, int64_t stride) noexcept nogil
cdef fl_status box_find_bad(const fl_boxes* boxes, int64_t* row) noexcept nogil
cdef fl_status box_area(const fl_boxes* boxes, void* out, int64_t stride) noexcept nogil
cdef fl_status box_convert(const fl_boxes* boxes, int32_t out_format, const double* in_size,
        const double* out_size, int64_t size_step, void* out, int64_t row_stride,
        int64_t column_stride) noexcept nogil
cdef fl_status box_clip(const fl_boxes* boxes, double width, double height, void* out,
        int64_t row_stride, int64_t column_stride) noexcept nogil
cdef fl_status ragged_sizes(const int64_t* offsets_a, const int64_t* offsets_b, int64_t groups,
        int64_t* out_offsets) noexcept nogil
cdef fl_status ragged_iou(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, const fl_overlap_options* options,
        void* out) noexcept nogil
cdef fl_status ragged_best(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, int32_t metric, double threshold, int64_t* index,
        void* value) noexcept nogil
cdef fl_status ragged_counts(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, double threshold, int64_t* counts) noexcept nogil
cdef fl_status box_pairs_between(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, double threshold, fl_pair_sink sink,
        void* context) noexcept nogil
cdef fl_status box_pairs_within(const fl_boxes* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair_sink sink, void* context) noexcept nogil
cdef fl_status box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
        int64_t* count) noexcept nogil
cdef fl_status nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        double iou_threshold, int64_t* keep, int64_t* kept) noexcept nogil
cdef fl_status soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        int32_t decay, double iou_threshold, double sigma, double score_threshold, int64_t* keep,
        double* new_scores, int64_t* kept) noexcept nogil
cdef fl_status non_max_merge(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        int32_t metric, double threshold, double* merged, int64_t* best, int64_t* group,
        int64_t* groups) noexcept nogil
cdef fl_status fusion_options_init(fl_fusion_options* options, size_t struct_size) noexcept nogil
cdef fl_status weighted_boxes_fusion(const fl_boxes* boxes, const double* scores,
        const int64_t* classes, const int64_t* models, const double* weights, int64_t n_models,
        const fl_fusion_options* options, double* out_boxes, double* out_scores,
        int64_t* out_classes, int64_t* fused) noexcept nogil
cdef fl_status match_coco(const fl_match_input* input, int64_t* prediction_match,
        uint8_t* prediction_ignored, int64_t* label_match) noexcept nogil
cdef fl_status obb_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil
cdef fl_status obb_iou_aligned(const double* a, const double* b, int64_t n,
        double* out) noexcept nogil
cdef fl_status obb_nms(const double* boxes, const double* scores, const int64_t* classes,
        int64_t n, double iou_threshold, int64_t* keep, int64_t* kept) noexcept nogil
cdef fl_status obb_to_corners(const double* boxes, int64_t n, double* out) noexcept nogil
cdef fl_status obb_from_corners(const double* corners, int64_t n, double* out) noexcept nogil
cdef fl_status frame_bytes(const fl_frame* frame, int64_t* bytes) noexcept nogil
cdef fl_status letterbox_output(const fl_frame* frame, const fl_letterbox_options* options,
        int32_t* channels, int64_t* bytes) noexcept nogil
cdef fl_status frame_placement(const fl_frame* frame, const fl_letterbox_options* options,
        fl_placement* out) noexcept nogil
cdef fl_status letterbox_work_size(const fl_frame* frame, const fl_letterbox_options* options,
        size_t* bytes) noexcept nogil
cdef fl_status letterbox_into(const fl_frame* frame, const fl_letterbox_options* options,
        void* out, const int64_t* strides, void* work, size_t work_size,
        fl_placement* placement) noexcept nogil
cdef fl_status letterbox_frame(const fl_frame* frame, const fl_letterbox_options* options,
        void* out, const int64_t* strides, fl_placement* placement) noexcept nogil
cdef fl_status letterbox_frame_batch(const fl_frame* frames, int64_t n,
        const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
        const int64_t* strides, fl_placement* placements) noexcept nogil
cdef fl_status letterbox_boxes_to_input(const fl_placement* placement, const fl_window* window,
        const fl_boxes* boxes, void* out) noexcept nogil
cdef fl_status letterbox_boxes_to_frame(const fl_placement* placement, const fl_window* window,
        int32_t clip, const fl_boxes* boxes, void* out) noexcept nogil
cdef fl_status gate_options_init(fl_gate_options* options, size_t struct_size) noexcept nogil
cdef fl_status gate_state_size(int32_t width, int32_t height, size_t* size) noexcept nogil
cdef fl_status gate_init(void* state, size_t size, int32_t width, int32_t height,
        const fl_gate_options* options) noexcept nogil
cdef fl_status gate_rows(void* state, const uint8_t* rows, int32_t count,
        int64_t stride) noexcept nogil
cdef fl_status gate_end(void* state, fl_gate_result* result) noexcept nogil
cdef fl_status gate_drop(void* state) noexcept nogil
cdef fl_status gate_frame(void* state, const uint8_t* luma, int64_t stride,
        fl_gate_result* result) noexcept nogil
cdef fl_status gate_measure(const fl_gate_result* result, fl_gate_measures* measures) noexcept nogil
cdef fl_status tile_merge_options_init(fl_tile_merge_options* options,
        size_t struct_size) noexcept nogil
cdef fl_status merge_tiles(const fl_tile_predictions* predictions,
        const fl_tile_merge_options* options, fl_tile_merged* out) noexcept nogil
cdef fl_status compare_profiles(const uint8_t* profiles, int64_t n_profiles, const int64_t* rows,
        int64_t n, const uint8_t* templates, int32_t workers, double* gain, int8_t* moves,
        double* likeness) noexcept nogil
cdef fl_status laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, double* out) noexcept nogil
cdef fl_status measure_luma(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
        int32_t turned, int32_t rings, fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil
cdef fl_status image_stats(const fl_image* image, const fl_boxes* boxes, int32_t every_row,
        fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil
cdef fl_status luma(const fl_image* image, uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status image_laplacian_variance(const fl_image* image, const fl_boxes* boxes,
        double* out) noexcept nogil
cdef fl_status luma_histogram(const fl_image* image, const fl_boxes* boxes,
        uint64_t* counts) noexcept nogil
cdef fl_status histogram_entropy(const uint64_t* counts, int64_t n, double* out) noexcept nogil
cdef fl_status content_hash(const uint8_t* data, uint64_t size, uint8_t* out) noexcept nogil
cdef fl_status composite_options_init(fl_composite_options* options,
        size_t struct_size) noexcept nogil
cdef fl_status composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
        const fl_image* mask, const fl_composite_options* options) noexcept nogil
cdef fl_status resize_area(const fl_image* image, int64_t width, int64_t height, uint8_t* out,
        int64_t row_stride, int64_t pixel_stride, int64_t channel_stride) noexcept nogil
cdef fl_status letterbox_options_init(fl_letterbox_options* options,
        size_t struct_size) noexcept nogil
cdef fl_status letterbox_placement(int64_t image_width, int64_t image_height,
        const fl_letterbox_options* options, fl_placement* out) noexcept nogil
cdef fl_status letterbox(const fl_image* image, const fl_letterbox_options* options, void* out,
        const int64_t* strides, fl_placement* placement) noexcept nogil
cdef fl_status letterbox_batch(const fl_image* images, int64_t n,
        const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
        const int64_t* strides, fl_placement* placements) noexcept nogil
cdef fl_status recipe_read(const char* text, size_t length, fl_letterbox_options* options,
        size_t struct_size, fl_recipe_error* error) noexcept nogil
cdef fl_status tile_grid_init(fl_tile_grid* grid, size_t struct_size) noexcept nogil
cdef fl_status tile_counts(const fl_tile_grid* grid, int64_t width, int64_t height,
        int64_t* columns, int64_t* rows) noexcept nogil
cdef fl_status tile_windows(const fl_tile_grid* grid, int64_t width, int64_t height, int64_t* out,
        int64_t capacity) noexcept nogil
cdef fl_status tile_count_boxes(const fl_tile_job* job, int64_t* tile_offsets,
        uint8_t* outcome) noexcept nogil
cdef fl_status tile_clip_boxes(const fl_tile_job* job, const int64_t* tile_offsets, int64_t* row,
        double* corners, double* visible) noexcept nogil
cdef fl_status coco_options_init(fl_coco_options* options, size_t struct_size) noexcept nogil
cdef fl_status coco_read(const char* path, const fl_coco_options* options,
        fl_coco** out) noexcept nogil
cdef fl_status coco_summarise(const fl_coco* coco, fl_coco_summary* summary) noexcept nogil
cdef fl_status coco_member(const fl_coco* coco, int64_t member, int32_t* section, int64_t* offset,
        int64_t* elements, const char** key, int64_t* key_bytes, const char** value,
        int64_t* value_bytes) noexcept nogil
cdef fl_status coco_pieces(fl_coco* coco, const char* column, int64_t* pieces) noexcept nogil
cdef fl_status coco_rows(fl_coco* coco, const char* column, int64_t piece,
        int64_t* rows) noexcept nogil
cdef fl_status coco_take(fl_coco* coco, const char* column, int64_t piece, int32_t part,
        void** data, int64_t* bytes) noexcept nogil
cdef void coco_free(void* data) noexcept nogil
cdef void coco_destroy(fl_coco* coco) noexcept nogil
cdef const char* cut_mode_name(int32_t mode) noexcept nogil
cdef fl_status cut_options_init(fl_cut_options* options, size_t struct_size) noexcept nogil
cdef fl_status cut_jpeg(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
        const fl_cut_options* options, fl_tile_taker taker, void* user, fl_cut_row* row,
        fl_cut_tile* tiles) noexcept nogil
cdef fl_status cut_align(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
        const fl_cut_options* options, int64_t* out) noexcept nogil
cdef fl_status read_window(const uint8_t* data, uint64_t size, const int64_t* window,
        int32_t color, const fl_cut_options* options, uint8_t* out, int64_t stride,
        fl_cut_row* row) noexcept nogil
cdef fl_status cutter_create(const fl_cut_options* options, fl_cutter** out) noexcept nogil
cdef fl_status cutter_submit(fl_cutter* cutter, const fl_cut_job* jobs, int64_t n,
        const int64_t* windows, const char* const* outputs, int64_t* ticket) noexcept nogil
cdef fl_status cutter_wait(fl_cutter* cutter, int64_t ticket, int32_t timeout_ms,
        int64_t* done) noexcept nogil
cdef fl_status cutter_collect(fl_cutter* cutter, int64_t ticket, fl_cut_row* rows,
        fl_cut_tile* tiles) noexcept nogil
cdef fl_status cutter_cancel(fl_cutter* cutter) noexcept nogil
cdef void cutter_destroy(fl_cutter* cutter) noexcept nogil
cdef fl_status look_up(const fl_image* image, const uint8_t* tables, int32_t n_tables,
        uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status filter_taps(const fl_image* image, const int32_t* dx, const int32_t* dy,
        const double* weights, int64_t taps, uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status sensor_noise(const fl_image* image, double read, double shot, double colour,
        uint64_t seed, uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status salt_and_pepper(const fl_image* image, double amount, double salt, uint64_t seed,
        uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status veil(const fl_image* image, const fl_image* mask, const uint8_t* colour,
        uint8_t* out, int64_t row_stride) noexcept nogil
cdef fl_status evaluate(const fl_evaluation_input* input, fl_evaluation* out) noexcept nogil
cdef fl_status stat_files(const char* folder, const char* names, const int64_t* offsets, int64_t n,
        int32_t workers, fl_file_stamp* out) noexcept nogil
cdef fl_status hash_slices(const uint8_t* data, const int64_t* offsets, int64_t n,
        uint8_t* out) noexcept nogil
cdef fl_status hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
        int64_t max_pairs, fl_hash_pair_sink sink, void* context) noexcept nogil
cdef fl_status hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance,
        int32_t workers, int64_t* clusters) noexcept nogil
cdef fl_status label_options_init(fl_label_options* options, size_t struct_size) noexcept nogil
cdef fl_status yolo_read(const fl_label_files* files, const fl_label_options* options,
        fl_label_columns** out) noexcept nogil
cdef fl_status voc_read(const fl_label_files* files, const fl_label_options* options,
        fl_label_columns** out) noexcept nogil
cdef fl_status label_pieces(const fl_label_columns* columns, const char* column,
        int64_t* pieces) noexcept nogil
cdef fl_status label_rows(const fl_label_columns* columns, const char* column, int64_t piece,
        int64_t* rows) noexcept nogil
cdef fl_status label_take(fl_label_columns* columns, const char* column, int64_t piece,
        int32_t part, void** data, int64_t* bytes) noexcept nogil
cdef void label_free(void* data) noexcept nogil
cdef void label_destroy(fl_label_columns* columns) noexcept nogil
cdef fl_status pairing_options_init(fl_pairing_options* options, size_t struct_size) noexcept nogil
cdef fl_status pair_predictions(const fl_pairing_input* input, const fl_pairing_options* options,
        const fl_pairing_result* result) noexcept nogil
cdef fl_status paste_options_init(fl_paste_options* options, size_t struct_size) noexcept nogil
cdef fl_status paste_window(int64_t scene_width, int64_t scene_height, const double* box,
        const fl_paste_options* options, int64_t* window) noexcept nogil
cdef fl_status paste_object(const fl_image* scene, const fl_image* patch, const fl_image* alpha,
        const double* patch_box, const double* box, const fl_paste_options* options, uint8_t* mask,
        uint8_t* pixels, fl_paste_report* report) noexcept nogil
cdef const char* format_name(int32_t format) noexcept nogil
cdef fl_status sniff(const uint8_t* data, uint64_t size, fl_header* header) noexcept nogil
cdef fl_status sniff_files(const char* const* paths, int64_t n, int32_t workers,
        fl_header* headers) noexcept nogil
cdef const char* image_status_name(int32_t status) noexcept nogil
cdef fl_status tar_index(const char* path, fl_tar_summary* summary, fl_tar** out) noexcept nogil
cdef fl_status tar_copy(const fl_tar* tar, fl_tar_member* members, char* names) noexcept nogil
cdef void tar_destroy(fl_tar* tar) noexcept nogil
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
cdef fl_status histogram_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
        const fl_column* weight, int64_t* counts, fl_fixed* sums, double* heaviest) noexcept nogil
cdef fl_status moments_init(fl_moments* groups, int64_t n) noexcept nogil
cdef fl_status moments_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
        const fl_column* value, fl_moments* groups) noexcept nogil
cdef fl_status moments_merge(fl_moments* into, const fl_moments* from_, int64_t n) noexcept nogil
cdef fl_status sketch_create(int32_t bits, fl_sketch** out) noexcept nogil
cdef void sketch_destroy(fl_sketch* sketch) noexcept nogil
cdef fl_status sketch_fill(fl_sketch* sketch, const fl_axis* axes, int32_t n_axes,
        const fl_column* columns, const fl_column* value) noexcept nogil
cdef fl_status sketch_add(fl_sketch* sketch, const fl_sketch_entry* entries,
        int64_t n) noexcept nogil
cdef fl_status sketch_entries(const fl_sketch* sketch, fl_sketch_entry* out, int64_t capacity,
        int64_t* count) noexcept nogil
cdef fl_status arrow_create(fl_arrow** out) noexcept nogil
cdef void arrow_destroy(fl_arrow* reader) noexcept nogil
cdef const char* arrow_message(const fl_arrow* reader) noexcept nogil
cdef const char* arrow_batch_message(const fl_arrow_batch* batch) noexcept nogil
cdef fl_status arrow_open_stream(fl_arrow* reader, ArrowArrayStream* stream) noexcept nogil
cdef fl_status arrow_open_array(fl_arrow* reader, ArrowSchema* schema,
        ArrowArray* array) noexcept nogil
cdef int64_t arrow_columns(const fl_arrow* reader) noexcept nogil
cdef const char* arrow_column_name(const fl_arrow* reader, int64_t column) noexcept nogil
cdef const char* arrow_column_format(const fl_arrow* reader, int64_t column) noexcept nogil
cdef fl_status arrow_next(fl_arrow* reader, fl_arrow_batch** out) noexcept nogil
cdef void arrow_batch_destroy(fl_arrow_batch* batch) noexcept nogil
cdef int64_t arrow_batch_rows(const fl_arrow_batch* batch) noexcept nogil
cdef fl_status arrow_batch_column(fl_arrow_batch* batch, int64_t column, fl_arrow_view* nodes,
        int64_t capacity, int64_t* count) noexcept nogil
cdef fl_status arrow_text(const fl_arrow_view* text, int64_t row, const char** data,
        int64_t* size) noexcept nogil
cdef fl_status arrow_text_codes(const fl_arrow_view* text, const char* const* names,
        int64_t n_names, int32_t* codes) noexcept nogil
cdef fl_status warp_affine(const fl_image* image, const double* m, int32_t edge, uint8_t fill,
        uint8_t* out, int64_t width, int64_t height, int64_t row_stride) noexcept nogil
